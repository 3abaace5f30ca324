import { invalidArgument } from "../errors.js";

/** Real and imaginary parts of equal length, a power of two. */
export interface Complex {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** Discrete Fourier transforms of one size, a power of two, with its tables made once. */
export class FourierTransform {
  readonly size: number;
  readonly #cosine: Float64Array;
  readonly #sine: Float64Array;

  /** @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` unless `size` is a power of two from 2 to 2^24 */
  constructor(size: number) {
    if (!Number.isInteger(Math.log2(size)) || size < 2 || size > 2 ** 24) {
      throw invalidArgument("size", "a power of two from 2 to 2^24", size);
    }
    this.size = size;
    this.#cosine = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sine = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
  }

  /** Transforms `signal`, whose parts have length `size`, in place: X[k] = sum over n of x[n] exp(-2 pi i k n / size). */
  transform({ real, imaginary }: Complex): void {
    swapToBitReversedOrder(real);
    swapToBitReversedOrder(imaginary);
    for (let half = 1; half < this.size; half *= 2) {
      const tableStep = this.size / (2 * half);
      for (let start = 0; start < this.size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const upper = start + k;
          const lower = upper + half;
          const cosine = this.#cosine[k * tableStep]!;
          const sine = this.#sine[k * tableStep]!;
          const turnedReal = real[lower]! * cosine - imaginary[lower]! * sine;
          const turnedImaginary = real[lower]! * sine + imaginary[lower]! * cosine;
          real[lower] = real[upper]! - turnedReal;
          imaginary[lower] = imaginary[upper]! - turnedImaginary;
          real[upper] = real[upper]! + turnedReal;
          imaginary[upper] = imaginary[upper]! + turnedImaginary;
        }
      }
    }
  }
}

function swapToBitReversedOrder(values: Float64Array): void {
  let reversed = 0;
  for (let index = 1; index < values.length; index++) {
    let bit = values.length >> 1;
    while (reversed & bit) {
      reversed ^= bit;
      bit >>= 1;
    }
    reversed |= bit;
    if (index < reversed) [values[index], values[reversed]] = [values[reversed]!, values[index]!];
  }
}
