/** Layers: descriptions of parameters that record operations when they are called. */
export * from "./conv.js";
export * from "./cut.js";
export * from "./parameter.js";
export * from "./snake.js";
