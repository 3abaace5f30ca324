import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { decodeWav } from "../../../lib/audio/wav.js";
import { EventFile } from "../../../lib/train/run/event-file.js";
import type { Event } from "../../../lib/train/run/event-schema.js";
import { inTemporaryFolder } from "../../audio/support.js";
import { readEvents, readRecords } from "../event-records.js";

describe("event files", () => {
  it("hold scalars, pictures and sounds in checked records", () =>
    inTemporaryFolder(async (folder) => {
      const file = await EventFile.create(folder, 1_700_000_000_123);
      await file.scalars({ "Train/total_loss": 1.5, "Train/spec_loss": -2 }, 7);
      await file.image("Valid/spectrogram", Uint8Array.of(1, 2, 3), { width: 4, height: 5 }, 2 ** 33);
      await file.audio("Valid/speech", { samples: Float32Array.of(0, 0.5, -0.5), sampleRate: 16000 }, 8);
      await file.close();
      assert.match(file.path, /events\.out\.tfevents\.1700000000\./);
      const events = readEvents(await readFile(file.path)) as [Event, Event, Event, Event];
      assert.deepEqual([events[0].fileVersion, events[0].wallTime], ["brain.Event:2", 1_700_000_000.123]);
      assert.deepEqual(
        [events[1].step, events[1].summary!.value],
        [
          7,
          [
            { tag: "Train/total_loss", simpleValue: 1.5 },
            { tag: "Train/spec_loss", simpleValue: -2 },
          ],
        ],
      );
      assert.equal(events[2].step, 2 ** 33);
      const { image } = events[2].summary!.value[0]!;
      assert.deepEqual(
        [image!.width, image!.height, image!.colorspace, [...image!.encodedImageString]],
        [4, 5, 3, [1, 2, 3]],
      );
      const { audio } = events[3].summary!.value[0]!;
      assert.deepEqual(
        [audio!.sampleRate, audio!.numChannels, audio!.lengthFrames, audio!.contentType],
        [16000, 1, 3, "audio/wav"],
      );
      const sound = await decodeWav(new Uint8Array(audio!.encodedAudioString));
      assert.deepEqual([sound.sampleRate, sound.channels[0]!.length], [16000, 3]);
    }));

  it("begin with their version, by which TensorBoard knows them", () =>
    inTemporaryFolder(async (folder) => {
      const file = await EventFile.create(folder, 0);
      await file.close();
      const [record] = readRecords(await readFile(file.path));
      assert(record!.includes(Buffer.concat([Buffer.of(0x1a, 13), Buffer.from("brain.Event:2")])));
    }));
});
