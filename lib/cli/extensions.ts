import { TOKEN_FORMATS } from "./token-formats.js";

/** Extensions of the files that `encode` takes out of folders. What a file holds is told by its content. */
export const AUDIO_EXTENSIONS: readonly string[] = [".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus"];

/** Extensions of the files that `decode` takes out of folders. */
export const TOKEN_EXTENSIONS: readonly string[] = TOKEN_FORMATS.map((format) => `.${format}`);
