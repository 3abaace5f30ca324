/** Streams through a model in windows: samples to codes and codes to samples, in pieces of any size. */
import type { Data } from "../graph/native.js";
import type { StageStream } from "./stages.js";

/** Samples of one sequence to codes. Calls are made one after the other. */
export interface SampleEncoder {
  /** Any number of samples -> K codebooks of the codes of the frames that are done, the semantic ones first. */
  push(samples: Float32Array): Promise<Int32Array[]>;
  /** Completes the last frame by silence and ends the sequence -> the codes that are left. */
  finish(): Promise<Int32Array[]>;
}

/** Codes of one sequence to samples. Calls are made one after the other. */
export interface CodeDecoder {
  /** Codes of as many frames of every codebook, the semantic ones first -> the samples of the frames that are done. */
  push(codebooks: readonly Int32Array[]): Promise<Float32Array>;
  /** Ends the sequence -> the samples that are left; the few at the very end that no layer reaches are silence. */
  finish(): Promise<Float32Array>;
}

export class WindowEncoder implements SampleEncoder {
  constructor(
    private readonly stream: StageStream,
    private readonly codebooks: number,
  ) {}

  async push(samples: Float32Array): Promise<Int32Array[]> {
    return deinterleave(await this.stream.push(samples), this.codebooks);
  }

  async finish(): Promise<Int32Array[]> {
    return deinterleave(await this.stream.finish(), this.codebooks);
  }
}

export class WindowDecoder implements CodeDecoder {
  constructor(private readonly stream: StageStream) {}

  async push(codebooks: readonly Int32Array[]): Promise<Float32Array> {
    return (await this.stream.push(interleave(codebooks))) as Float32Array;
  }

  async finish(): Promise<Float32Array> {
    return (await this.stream.finish()) as Float32Array;
  }
}

/** K codebooks -> (frames, K). */
export function interleave(codebooks: readonly Int32Array[]): Int32Array {
  const count = codebooks.length;
  const frames = codebooks[0]?.length ?? 0;
  const codes = new Int32Array(frames * count);
  for (const [k, codebook] of codebooks.entries()) {
    for (let i = 0; i < frames; i++) codes[i * count + k] = codebook[i]!;
  }
  return codes;
}

/** (frames, K) -> K codebooks. */
export function deinterleave(codes: Data, count: number): Int32Array[] {
  const frames = codes.length / count;
  return Array.from({ length: count }, (_, k) => {
    const codebook = new Int32Array(frames);
    for (let i = 0; i < frames; i++) codebook[i] = codes[i * count + k]!;
    return codebook;
  });
}
