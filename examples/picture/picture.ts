import { levelColour } from "../../lib/eval/level-colour.js";
import { hertzToMel, melSpectrogram } from "../../lib/eval/mel.js";
import { spectrogramImage } from "../../lib/eval/spectrogram-image.js";
import { type Audio, bitrate, type Tokens } from "../../lib/index.js";
import { codeColour } from "./colours.js";
import { element, image, line, rectangle, text } from "./svg.js";

/** What the picture shows. The two sounds are equally long. */
export interface PictureContent {
  readonly original: Audio;
  readonly tokens: Tokens;
  readonly reconstructed: Audio;
  /** How far the two sounds are apart, in words. */
  readonly distance: string;
  /** Printed in red at the top. */
  readonly warning?: string;
}

const WIDTH = 1200;
const LEFT = 92;
const RIGHT = 1116;
const PLOT = RIGHT - LEFT;
const SPECTROGRAM_HEIGHT = 210;
const SEMANTIC_HEIGHT = 44;
const ACOUSTIC_HEIGHT = 18;
const PANEL_GAP = 52;
/** Decibels between the darkest and the brightest colour. */
const RANGE = 80;
const FREQUENCY_TICKS = [0, 250, 500, 1000, 2000, 4000, 8000, 16000];
/** A cell narrower than this has no room for its code, pixels. */
const LEGIBLE_CELL = 10;

/** Draws both spectrograms and, between them, the tokens, over one axis of time. Returns an SVG file. */
export function drawPicture(content: PictureContent): string {
  const { original, tokens, reconstructed } = content;
  const seconds = original.samples.length / original.sampleRate;
  const top = content.warning ? 136 : 106;
  const tokensTop = top + SPECTROGRAM_HEIGHT + PANEL_GAP;
  const secondTop = tokensTop + tokensHeight(tokens) + PANEL_GAP;
  const bottom = secondTop + SPECTROGRAM_HEIGHT;
  const body = [
    rectangle(0, 0, WIDTH, bottom + 60, { fill: "#ffffff" }),
    ...drawTitle(content, seconds),
    ...drawSpectrogram("Original", top, original),
    ...drawTokens(tokensTop, tokens, seconds),
    ...drawSpectrogram(`Reconstructed from the tokens (${content.distance})`, secondTop, reconstructed),
    ...drawTime(bottom, seconds),
  ];
  const height = bottom + 60;
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    width: WIDTH,
    height,
    viewBox: `0 0 ${WIDTH} ${height}`,
    "font-family": "Helvetica, Arial, 'DejaVu Sans', sans-serif",
    "font-size": 13,
    fill: "#3c4150",
  };
  return `${element("svg", attributes, `\n${body.join("\n")}\n`)}\n`;
}

function drawTitle({ tokens, warning }: PictureContent, seconds: number): string[] {
  const codebooks = tokens.semantic.length + tokens.acoustic.length;
  const facts = [
    `${seconds.toFixed(2)} s of speech`,
    `${tokens.frames} frames of ${codebooks} tokens`,
    `${tokens.frameRate} frames per second`,
    `${bitrate(tokens)} bit/s`,
  ];
  return [
    text(LEFT, 40, "Speech, its tokens, and the speech made of them", { "font-size": 22, fill: "#14161d" }),
    text(LEFT, 64, facts.join("  ·  "), { "font-size": 14 }),
    ...(warning ? [text(LEFT, 90, warning, { "font-size": 14, "font-weight": "bold", fill: "#c0262d" })] : []),
  ];
}

function drawSpectrogram(title: string, top: number, audio: Audio): string[] {
  const levels = melSpectrogram(audio, { size: 1024, hop: 128, bands: 96 });
  const loudest = levels.reduce((most, frame) => frame.reduce((a, b) => Math.max(a, b), most), -100 + RANGE);
  const highest = audio.sampleRate / 2;
  const ticks = FREQUENCY_TICKS.filter((hertz) => hertz < highest).flatMap((hertz) => {
    const y = top + SPECTROGRAM_HEIGHT * (1 - hertzToMel(hertz) / hertzToMel(highest));
    const label = hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`;
    return [
      line(LEFT - 5, y, LEFT, y, { stroke: "#8a8fa0" }),
      text(LEFT - 10, y + 4, label, { "text-anchor": "end", "font-size": 12 }),
    ];
  });
  return [
    drawPanelTitle(title, top),
    image(LEFT, top, PLOT, SPECTROGRAM_HEIGHT, spectrogramImage(levels, { floor: loudest - RANGE, ceiling: loudest })),
    ...ticks,
    ...drawLevels(top, loudest),
  ];
}

/** The scale of colours beside a spectrogram. */
function drawLevels(top: number, loudest: number): string[] {
  const steps = 40;
  const height = SPECTROGRAM_HEIGHT / steps;
  const bars = Array.from({ length: steps }, (_, step) => {
    const [red, green, blue] = levelColour(1 - step / (steps - 1));
    return rectangle(RIGHT + 14, top + step * height, 10, height + 0.5, { fill: `rgb(${red}, ${green}, ${blue})` });
  });
  const labels = [0, RANGE / 2, RANGE].map((below) => {
    const y = top + (SPECTROGRAM_HEIGHT * below) / RANGE;
    const baseline = y + (below === 0 ? 10 : below === RANGE ? 0 : 4);
    return text(RIGHT + 29, baseline, `${Math.round(loudest - below)} dB`.replace("-", "\u2212"), { "font-size": 12 });
  });
  return [...bars, ...labels];
}

function tokensHeight({ semantic, acoustic }: Tokens): number {
  return semantic.length * SEMANTIC_HEIGHT + acoustic.length * ACOUSTIC_HEIGHT;
}

function drawTokens(top: number, tokens: Tokens, seconds: number): string[] {
  const drawn = [drawPanelTitle("Tokens (a colour for every code)", top)];
  let y = top;
  for (const [name, rows, height] of [
    ["semantic", tokens.semantic, SEMANTIC_HEIGHT],
    ["acoustic", tokens.acoustic, ACOUSTIC_HEIGHT],
  ] as const) {
    for (const [index, codes] of rows.entries()) {
      const label = rows.length === 1 ? name : `${name} ${index + 1}`;
      drawn.push(text(LEFT - 10, y + height / 2 + 4, label, { "text-anchor": "end", "font-size": 12 }));
      drawn.push(...drawCodes(codes, y, height, PLOT / (tokens.frameRate * seconds)));
      y += height;
    }
  }
  return drawn;
}

/** One row of cells, each `cell` pixels wide; the last ends where the speech does. */
function drawCodes(codes: Int32Array, y: number, height: number, cell: number): string[] {
  return Array.from(codes).flatMap((code, frame) => {
    const x = LEFT + frame * cell;
    const width = Math.min(cell, RIGHT - x);
    const box = rectangle(x, y, width - 0.6, height - 1, { fill: codeColour(code) });
    if (height < SEMANTIC_HEIGHT || cell < LEGIBLE_CELL || width < cell) return [box];
    const [centreX, centreY] = [x + width / 2, y + height / 2];
    const label = text(centreX + 3.2, centreY, String(code), {
      transform: `rotate(-90 ${centreX.toFixed(2)} ${centreY.toFixed(2)})`,
      "text-anchor": "middle",
      "font-size": 9,
      fill: "#ffffff",
    });
    return [box, label];
  });
}

function drawTime(bottom: number, seconds: number): string[] {
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300].find((candidate) => seconds / candidate <= 16) ?? 600;
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
  return ticks.flatMap((time) => {
    const x = LEFT + (PLOT * time) / seconds;
    return [
      line(x, bottom, x, bottom + 5, { stroke: "#8a8fa0" }),
      text(x, bottom + 21, `${Number(time.toFixed(1))} s`, { "text-anchor": "middle", "font-size": 12 }),
    ];
  });
}

function drawPanelTitle(title: string, top: number): string {
  return text(LEFT, top - 10, title, { "font-size": 15, "font-weight": "bold", fill: "#14161d" });
}
