/** One typed function per operation; each documents shapes, and throws at the call where they do not fit. */
export * from "./attention.js";
export * from "./codebook.js";
export * from "./conv1d.js";
export * from "./conv2d.js";
export * from "./cross-entropy.js";
export * from "./ctc.js";
export * from "./distance.js";
export * from "./layout.js";
export * from "./linear.js";
export * from "./norms.js";
export * from "./optimizer.js";
export * from "./pointwise.js";
export * from "./reduce.js";
export * from "./rotary.js";
export * from "./snake.js";
export * from "./spectrum.js";
export * from "./weight-norm.js";
