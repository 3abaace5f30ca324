/**
 * Codes as a dense bit stream: frame after frame, within a frame codebook after codebook, each code with its codebook's
 * width, least significant bit first. The last byte is filled up with zero bits.
 */

/** Bits that tell `size` values apart: ceil(log2(size)), 0 for a size of 1. `size` is 1 to 2^31. */
export function bitsFor(size: number): number {
  return 32 - Math.clz32(size - 1);
}

/** Bytes that hold `frames` frames of codes of the given widths (bits). */
export function packedBytes(frames: number, widths: readonly number[]): number {
  return Math.ceil((frames * widths.reduce((sum, width) => sum + width, 0)) / 8);
}

/** Packs the first `frames` codes of every codebook; `codes[k]` holds codes below 2^widths[k], widths are 0 to 31. */
export function packCodes(codes: readonly Int32Array[], frames: number, widths: readonly number[]): Uint8Array {
  const packed = new Uint8Array(packedBytes(frames, widths));
  let bit = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (let k = 0; k < widths.length; k++) {
      let code = codes[k]![frame]!;
      for (let left = widths[k]!; left > 0; ) {
        const taken = Math.min(8 - (bit & 7), left);
        packed[bit >>> 3]! |= (code & ((1 << taken) - 1)) << (bit & 7);
        code >>>= taken;
        bit += taken;
        left -= taken;
      }
    }
  }
  return packed;
}

/** The inverse of packCodes: one array of length `frames` for each width. `packed` holds packedBytes(frames, widths). */
export function unpackCodes(packed: Uint8Array, frames: number, widths: readonly number[]): Int32Array[] {
  const codes = widths.map(() => new Int32Array(frames));
  let bit = 0;
  for (let frame = 0; frame < frames; frame++) {
    for (let k = 0; k < widths.length; k++) {
      const width = widths[k]!;
      let code = 0;
      for (let done = 0; done < width; ) {
        const taken = Math.min(8 - (bit & 7), width - done);
        code |= ((packed[bit >>> 3]! >>> (bit & 7)) & ((1 << taken) - 1)) << done;
        bit += taken;
        done += taken;
      }
      codes[k]![frame] = code;
    }
  }
  return codes;
}
