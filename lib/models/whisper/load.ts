/** Whisper from files: safetensors with Hugging Face's or OpenAI's names, its sizes from config.json or from the shapes. */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readSafetensorsHeader } from "../../data/safetensors-reader.js";
import { LmsptError } from "../../errors.js";
import { assignFromFile } from "../tensor-file.js";
import { parseWhisperConfig, type WhisperConfig } from "./config.js";
import { whisperName } from "./names.js";
import { Whisper } from "./whisper.js";

export interface LoadWhisperOptions {
  /** Without the decoder, its weights need not be there. */
  readonly parts?: "encoder" | "both";
  /** Trainable parameters can be written to. */
  readonly trainable?: boolean;
}

/** `path` is a safetensors file or a folder that holds model.safetensors. Throws ERR_LMSPT_MODEL where it does not fit. */
export async function loadWhisper(path: string, options: LoadWhisperOptions = {}): Promise<Whisper> {
  const { parts = "both", trainable } = options;
  const weights = existsSync(path) && statSync(path).isDirectory() ? join(path, "model.safetensors") : path;
  const whisper = new Whisper(await readConfig(weights), parts);
  await assignFromFile(whisper.parameters, weights, {
    rename: whisperName,
    ignore: (name) => name === "proj_out.weight" || (parts === "encoder" && name.startsWith("decoder.")),
    advice: "expected those of a Whisper model, with the names of Hugging Face or OpenAI",
    trainable,
  });
  return whisper;
}

async function readConfig(weights: string): Promise<WhisperConfig> {
  const path = join(dirname(weights), "config.json");
  if (!existsSync(path)) return configFromShapes(weights);
  try {
    return parseWhisperConfig(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw new LmsptError("ERR_LMSPT_MODEL", `${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Every published size has heads of 64. */
async function configFromShapes(weights: string): Promise<WhisperConfig> {
  const header = await readSafetensorsHeader(weights);
  const shapes = new Map([...header.tensors].map(([name, { shape }]) => [whisperName(name), shape]));
  const shapeOf = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (shape) return shape;
    throw new LmsptError("ERR_LMSPT_MODEL", `Expected Whisper's weights in ${weights}, but there is no ${name}`);
  };
  const layersOf = (part: string) =>
    new Set([...shapes.keys()].flatMap((name) => name.match(new RegExp(`^${part}\\.layers\\.(\\d+)\\.`))?.[1] ?? []))
      .size;
  const hasDecoder = shapes.has("decoder.embed_tokens.weight");
  return parseWhisperConfig({
    num_mel_bins: shapeOf("encoder.conv1.weight")[1],
    d_model: shapeOf("encoder.conv1.weight")[0],
    max_source_positions: shapeOf("encoder.embed_positions.weight")[0],
    encoder_layers: layersOf("encoder"),
    encoder_ffn_dim: shapeOf("encoder.layers.0.fc1.weight")[0],
    ...(hasDecoder && {
      max_target_positions: shapeOf("decoder.embed_positions.weight")[0],
      decoder_layers: layersOf("decoder"),
      decoder_ffn_dim: shapeOf("decoder.layers.0.fc1.weight")[0],
      vocab_size: shapeOf("decoder.embed_tokens.weight")[0],
    }),
  });
}
