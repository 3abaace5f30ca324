/** Layers: descriptions of parameters that record operations when they are called. */
export * from "./conv.js";
export * from "./conv2d.js";
export * from "./cut.js";
export * from "./linear.js";
export * from "./norm.js";
export * from "./parameter.js";
export * from "./passage.js";
export * from "./ragged.js";
export * from "./snake.js";
export * from "./stream-step.js";
