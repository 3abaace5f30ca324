import type { DeviceName } from "../graph/device.js";
import type { Recogniser } from "../models/whisper/recogniser.js";
import { whileLoading } from "./model.js";
import type { Session } from "./terminal.js";

/** The Whisper model in a folder, on the device that the options name. Throws as `whileLoading` does. */
export function loadRecogniser(
  folder: string,
  { device, threads }: { readonly device?: DeviceName; readonly threads?: number },
  session: Session,
): Promise<Recogniser> {
  return whileLoading(session, true, async () => {
    // Imported when it is needed: help needs no engine.
    const { Recogniser } = await import("../models/whisper/recogniser.js");
    return Recogniser.load(folder, { device, threads });
  });
}
