/** In what precision matrix products (convolutions, linear layers) are computed; all else is float32. */
import { oneOf } from "../arguments.js";

/**
 * `"fp32"`: float32. `"bf16"`: operands rounded to bf16, float32 sums. `"bf16x3"`: operands as sums of two bf16 numbers,
 * three products for each; errors stay below 1e-5, so that codes stay those of float32. A device computes it in float32
 * where that is faster; `Device.arithmetic` tells. `"tf32"`: operands rounded to ten bits of fraction, on CUDA devices
 * alone.
 */
export type Precision = "fp32" | "bf16x3" | "tf32" | "bf16";

export const PRECISIONS: readonly Precision[] = ["fp32", "bf16x3", "tf32", "bf16"];

export const A_PRECISION = oneOf(...PRECISIONS);
