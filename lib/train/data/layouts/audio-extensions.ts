/** Of the files that are taken out of folders and shards, in lower case. What a file holds is told by its content. */
export const AUDIO_EXTENSIONS: readonly string[] = [".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus"];
