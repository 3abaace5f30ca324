/** What training minimises. */
export * from "./adversarial.js";
export * from "./mel.js";
