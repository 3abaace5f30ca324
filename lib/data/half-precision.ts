/** Numbers of 16 bits: float16 (5 bits of exponent, 10 of mantissa) and bfloat16 (8 and 7), from and to float32. */

export type HalfDtype = "F16" | "BF16";

/** Exact. */
export function widen(halves: Uint16Array, dtype: HalfDtype): Float32Array {
  const toFloat32Bits = dtype === "F16" ? widenedFloat16 : (half: number) => half << 16;
  const bits = new Int32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = toFloat32Bits(halves[i]!);
  return new Float32Array(bits.buffer);
}

/** Rounds to the nearest number, to the even one of two; what is too large becomes infinite. */
export function narrow(values: Float32Array, dtype: HalfDtype): Uint16Array {
  const toHalf = dtype === "F16" ? narrowedToFloat16 : narrowedToBfloat16;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, toHalf);
}

const EXPONENT = 0x7f800000;
/** The smallest float32 that float16 holds with its full mantissa, 2^-14. */
const SMALLEST_NORMAL = 113 << 23;
/** Float32 numbers from here on (65520) round to float16's infinity. */
const TOO_LARGE = 0x477ff000;
const QUIET_NAN = 0x7e00;

/** The float32 bits of a float16: exponent bias 15 becomes 127, ten mantissa bits become 23. */
function widenedFloat16(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | EXPONENT | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

function narrowedToFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > EXPONENT) return sign | QUIET_NAN;
  if (magnitude >= TOO_LARGE) return sign | 0x7c00;
  if (magnitude >= SMALLEST_NORMAL) return sign | roundedShift(magnitude - (112 << 23), 13);
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign; // at most half of the smallest float16
  return sign | roundedShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

function narrowedToBfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > EXPONENT) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return roundedShift(bits, 16);
}

/** `bits` without its `count` lowest bits, rounded to the nearest, to the even one of two. */
function roundedShift(bits: number, count: number): number {
  const kept = bits >>> count;
  const rest = bits & ((1 << count) - 1);
  const half = 1 << (count - 1);
  return kept + Number(rest > half || (rest === half && (kept & 1) === 1));
}
