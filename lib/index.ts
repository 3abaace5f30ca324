/**
 * lmspt turns speech into tokens and tokens into speech. `Tokenizer` is all that most programs need; `graph` and `ops`
 * are the engine below it.
 *
 * @packageDocumentation
 */
export type { Audio, MultiChannelAudio } from "./audio/audio.js";
export { downmix } from "./audio/audio.js";
export { type AudioStream, openAudio } from "./audio/audio-stream.js";
export type { ByteSource } from "./audio/byte-source.js";
export { type DecodeAudioOptions, decodeAudio, loadAudio } from "./audio/decode.js";
export { type ResampleOptions, Resampler, type ResampleStreamOptions } from "./audio/resample.js";
export type { ResampleStream } from "./audio/resample-stream.js";
export { decodeWav, encodeWav } from "./audio/wav.js";
export type { WavEncoding, WavFormat, WavWriteEncoding } from "./audio/wav-format.js";
export { WavReader } from "./audio/wav-reader.js";
export { WavWriter, type WavWriterOptions } from "./audio/wav-writer.js";
export { tokensFromNpy, tokensToNpy } from "./data/npy.js";
export { TokenArchive, type TokenArchiveItem } from "./data/token-archive.js";
export type { TokenArchiveEntry } from "./data/token-archive-index.js";
export { TokenArchiveWriter } from "./data/token-archive-writer.js";
export { decodeTokenFile, encodeTokenFile, type RecoveredTokens } from "./data/token-file.js";
export { TokenFileReader } from "./data/token-file-reader.js";
export { TokenFileWriter } from "./data/token-file-writer.js";
export type { TokenChunk } from "./data/token-frames.js";
export type { FrameRange } from "./data/token-layout.js";
export {
  bitrate,
  concatTokens,
  createTokens,
  sliceTokens,
  type TokenSpec,
  type Tokens,
  tokenCodes,
  tokenSpec,
  validateTokens,
} from "./data/tokens.js";
export { type TokensJson, type TokensJsonDefaults, tokensFromJson, tokensToJson } from "./data/tokens-json.js";
export { type ErrorCode, FormatError, LmsptError } from "./errors.js";
export type { Usage } from "./eval/code-usage.js";
export { characterErrorRate, wordErrorRate } from "./eval/error-rate.js";
export {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type Quality,
  type SpokenItem,
} from "./eval/evaluate.js";
export { logMelDistance } from "./eval/log-mel-distance.js";
export { normalizeText } from "./eval/normalize-text.js";
export { siSdr } from "./eval/si-sdr.js";
export { STOI_RATE, stoi } from "./eval/stoi.js";
export { Device, type DeviceName, type DeviceOptions } from "./graph/device.js";
export { Graph, type GraphOptions, type PlanOptions, type Sample, Value } from "./graph/graph.js";
export type { AttributeValue, Data, DType, Port, TraceStep } from "./graph/native.js";
export * as ops from "./graph/ops/index.js";
export { Plan } from "./graph/plan.js";
export type { Precision } from "./graph/precision.js";
export { Variable } from "./graph/variable.js";
export type { ModelLicence, ProgressListener } from "./hub/index.js";
export type { PieceSource } from "./io/pulling.js";
export { Batcher, type BatcherOptions } from "./models/batcher.js";
export { type AuxDecoderConfig, type ModelConfig, parseConfig } from "./models/config.js";
export type { WrittenSpeech, WrittenTokens } from "./models/files.js";
export type { PieceStream } from "./models/piece-stream.js";
export type { AudioChunk } from "./models/token-streams.js";
export { Tokenizer } from "./models/tokenizer.js";
export type * from "./models/tokenizer-options.js";
export {
  Recogniser,
  type RecogniserOptions,
  type TranscribeOptions,
  type Transcript,
} from "./models/whisper/recogniser.js";
export type {
  RecogniserEvent,
  RecogniserSkippedEvent,
  RecogniserStepEvent,
  RecogniserValidationEvent,
} from "./train/asr/events.js";
export type {
  BrokenFileEvent,
  CheckpointEvent,
  SkippedEvent,
  StepEvent,
  TrainEvent,
  ValidationEvent,
} from "./train/run/events.js";
export type { Fault } from "./train/step/fault.js";
export { RecogniserTrainer, Trainer, type TrainerOptions } from "./train/trainer.js";
