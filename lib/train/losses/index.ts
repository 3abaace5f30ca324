/** What training minimises. */
export * from "./adversarial.js";
export * from "./distillation.js";
export * from "./mel.js";
