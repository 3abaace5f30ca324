/** The thread that reads a recording to its end and tells what it is. */
import { createHash } from "node:crypto";
import { memorySource } from "../../../audio/byte-source.js";
import { decodeHere } from "../../../audio/decode-here.js";
import { type AudioSource, openSource } from "../audio-source.js";
import { answerTasks } from "../task-pool.js";
import type { SoundFacts } from "./corpus-index.js";

answerTasks(async (source: AudioSource) => ({ result: await inspect(source) }));

async function inspect(source: AudioSource): Promise<SoundFacts> {
  const opened = await openSource(source);
  const bytes = await opened.read(0, opened.size).finally(() => opened.close());
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const { channels, sampleRate } = await decodeHere(memorySource(bytes));
  return { seconds: channels[0]!.length / sampleRate, sampleRate, channels: channels.length, sha256 };
}
