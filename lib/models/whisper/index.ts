/** Whisper: teacher of the semantic codebook, and judge of what can be understood. */
export { parseWhisperConfig, WHISPER_SIZES, type WhisperConfig } from "./config.js";
export type { WhisperDecoder } from "./decoder.js";
export { CachedDecoder } from "./decoding.js";
export type { WhisperEncoder, WhisperWindow } from "./encoder.js";
export { type LoadWhisperOptions, loadWhisper } from "./load.js";
export { type FoundText, type NextScores, type SearchOptions, search } from "./search.js";
export { Whisper } from "./whisper.js";
