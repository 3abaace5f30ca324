/** Numbers as people read them. */
import type { FrameRange } from "../data/token-layout.js";

/** Seconds as `3.21 s`, `2 min 05 s` or `1 h 02 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 59.995) return `${seconds.toFixed(2)} s`;
  const whole = Math.round(seconds);
  const padded = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${padded(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${padded(Math.floor((whole % 3600) / 60))} min`;
}

/** Such as `frames 256 to 511, 20.48 s to 40.96 s`. */
export function formatFrames({ startFrame, endFrame }: FrameRange, frameRate: number): string {
  const [start, end] = [startFrame, endFrame].map((frame) => formatDuration(frame / frameRate));
  return `frames ${startFrame} to ${endFrame - 1}, ${start} to ${end}`;
}

/** Seconds of speech for every second of work, such as `12.3x real time`. */
export function formatSpeed(speechSeconds: number, workSeconds: number): string {
  const speed = workSeconds > 0 ? speechSeconds / workSeconds : 0;
  return `${speed < 100 ? speed.toFixed(1) : speed.toFixed(0)}x real time`;
}

/** Bytes as `812 bytes`, `1.4 kB`, `298.6 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return formatCount(bytes, "byte");
  const power = Math.min(4, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${["", "kB", "MB", "GB", "TB"][power]}`;
}

/** A number with its noun: `1 file`, `12 files`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A share as percent. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A whole number with thin groups of thousands, such as `74 650 123`. */
export function formatInteger(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}
