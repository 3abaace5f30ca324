/** One typed function per operation; each documents shapes, and throws at the call where they do not fit. */
export * from "./codebook.js";
export * from "./conv1d.js";
export * from "./layout.js";
export * from "./linear.js";
export * from "./pointwise.js";
export * from "./reduce.js";
export * from "./snake.js";
export * from "./weight-norm.js";
