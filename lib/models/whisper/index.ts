/** Whisper: teacher of the semantic codebook, and judge of what can be understood. */
export { parseWhisperConfig, WHISPER_SIZES, type WhisperConfig } from "./config.js";
export type { WhisperDecoder } from "./decoder.js";
export { CachedDecoder } from "./decoding.js";
export type { WhisperEncoder, WhisperWindow } from "./encoder.js";
export { type LoadWhisperOptions, loadWhisper } from "./load.js";
export * from "./recogniser.js";
export { type FoundText, type NextScores, type SearchOptions, search } from "./search.js";
export { speechRules } from "./speech-rules.js";
export { buildVocabulary } from "./text/build-vocabulary.js";
export { TextTokenizer, type TextVocabulary } from "./text/text-tokenizer.js";
export { loadTextTokenizer, saveTextTokenizer } from "./text/vocabulary-files.js";
export { type SpeechRules, transcribeWindow } from "./transcription.js";
export { Whisper } from "./whisper.js";
