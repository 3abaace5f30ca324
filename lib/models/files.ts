/** Files to files, from disk to disk: memory does not grow with their length. */
import { openAudio } from "../audio/audio-stream.js";
import { WavWriter } from "../audio/wav-writer.js";
import { TokenFileReader } from "../data/token-file-reader.js";
import { TokenFileWriter } from "../data/token-file-writer.js";
import type { Tokens } from "../data/tokens.js";
import type { Codec } from "./codec.js";
import { PieceStream } from "./piece-stream.js";
import { decodePieces, encodePieces } from "./token-streams.js";
import type { DecodeFileOptions, WorkOptions } from "./tokenizer-options.js";

/** What was written. */
export interface WrittenTokens {
  readonly frames: number;
  /** True length of the audio, at the model's rate. */
  readonly samples: number;
}

export interface WrittenSpeech {
  /** Of the tokens that were read. */
  readonly frames: number;
  readonly samples: number;
  /** Hz. */
  readonly sampleRate: number;
}

export async function encodeFile(
  codec: Codec,
  input: string,
  output: string,
  { signal, onProgress }: WorkOptions,
): Promise<WrittenTokens> {
  await using audio = await openAudio(input, { signal });
  const parts = codec.wholeEncoding(audio.sampleRate, signal);
  await using writer = await TokenFileWriter.create(output, codec.spec);
  await using chunks = PieceStream.from(audio.blocks(), (intake) => encodePieces(intake, parts), { signal });
  let samples = 0;
  for await (const { tokens } of chunks) {
    await writer.append(tokens);
    samples += tokens.samples;
    onProgress?.(Math.min(audio.seconds, samples / codec.spec.sampleRate), audio.seconds);
  }
  await writer.close();
  return { frames: writer.frames, samples };
}

/** `input`: a token file, or tokens. */
export async function decodeFile(
  codec: Codec,
  input: string | Tokens,
  output: string,
  { signal, onProgress, encoding, ...choice }: DecodeFileOptions,
): Promise<WrittenSpeech> {
  const parts = codec.wholeDecoding(choice);
  const { sampleRate } = parts;
  await using tokens = typeof input === "string" ? await TokenFileReader.open(input, { signal }) : inMemory(input);
  const { frames, samples } = tokens;
  const total = samples / codec.spec.sampleRate;
  await using writer = await WavWriter.create(output, { sampleRate, encoding });
  await using speech = PieceStream.from(tokens, (intake) => decodePieces(intake, parts), { signal });
  for await (const chunk of speech) {
    await writer.write(chunk.samples);
    onProgress?.(Math.min(total, writer.frames / sampleRate), total);
  }
  await writer.close();
  return { frames, samples: writer.frames, sampleRate };
}

/** Tokens as a reader has them. */
function inMemory(tokens: Tokens) {
  const { frames, samples } = tokens;
  return {
    frames,
    samples,
    async *[Symbol.asyncIterator]() {
      yield { startFrame: 0, tokens };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
