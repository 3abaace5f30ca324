import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeWav, encodeWav } from "../../lib/audio/wav.js";
import { buildWavHeader } from "../../lib/audio/wav-build.js";
import { ascii, u16, u32 } from "./support.js";

/** The stored integers of a mono file, whose header has `headerBytes` bytes. */
function stored16(bytes: Uint8Array): number[] {
  return [...new Int16Array(bytes.slice(44).buffer)];
}

describe("encodeWav", () => {
  it("writes 16-bit PCM with the canonical header", () => {
    const bytes = encodeWav({ samples: Float32Array.of(0.5, -0.5), sampleRate: 24000 });
    assert.deepEqual(
      [...bytes],
      [
        ...[...ascii("RIFF"), ...u32(40), ...ascii("WAVEfmt "), ...u32(16), ...u16(1), ...u16(1)],
        ...[...u32(24000), ...u32(48000), ...u16(2), ...u16(16), ...ascii("data"), ...u32(4)],
        ...[0x00, 0x40, 0x00, 0xc0],
      ],
    );
  });

  it("rounds to the nearest integer and saturates", () => {
    const scaled = [0.4, 0.6, -0.4, -0.6, 32766.6, 32767.4, 32768, 40000, -32768, -32769, -1e9, Infinity, -Infinity];
    const samples = Float32Array.from(scaled, (value) => value / 32768);
    assert.deepEqual(
      stored16(encodeWav({ samples, sampleRate: 8000 })),
      [0, 1, 0, -1, 32767, 32767, 32767, 32767, -32768, -32768, -32768, 32767, -32768],
    );
    const extremes = encodeWav({ samples: Float32Array.of(1, -1, -2), sampleRate: 8000 }, { encoding: "pcm24" });
    assert.deepEqual([...extremes.subarray(68, 77)], [0xff, 0xff, 0x7f, 0, 0, 0x80, 0, 0, 0x80]);
  });

  it("pads samples of odd length and leaves the padding out of their size", () => {
    const bytes = encodeWav({ samples: Float32Array.of(0.5), sampleRate: 8000 }, { encoding: "pcm24" });
    assert.equal(bytes.length, 68 + 4);
    assert.deepEqual([...bytes.subarray(4, 8)], u32(bytes.length - 8));
    assert.deepEqual([...bytes.subarray(60)], [...ascii("data"), ...u32(3), 0, 0, 0x40, 0]);
  });

  it("is undone by decodeWav: float exactly, integers to half a step", () => {
    const audio = fc.integer({ min: 1, max: 5 }).chain((channels) =>
      fc.nat({ max: 40 }).chain((frames) =>
        fc.record({
          channels: fc.array(fc.float32Array({ minLength: frames, maxLength: frames, min: -1, max: 1, noNaN: true }), {
            minLength: channels,
            maxLength: channels,
          }),
          sampleRate: fc.integer({ min: 1, max: 0xffffffff }),
        }),
      ),
    );
    fc.assert(
      fc.property(audio, fc.constantFrom("pcm16", "pcm24", "float32"), (input, encoding) => {
        const output = decodeWav(encodeWav(input, { encoding }));
        assert.equal(output.format.encoding, encoding);
        assert.equal(output.sampleRate, input.sampleRate);
        assert.equal(output.channels.length, input.channels.length);
        const steps = { pcm16: 2 ** 15, pcm24: 2 ** 23, float32: Infinity }[encoding];
        for (const [index, channel] of output.channels.entries()) {
          assert.equal(channel.length, input.channels[index]!.length);
          for (const [frame, value] of channel.entries()) {
            const wanted = Math.min(input.channels[index]![frame]!, 1 - 1 / steps);
            assert.ok(Math.abs(value - wanted) <= 0.5 / steps, `${value} for ${wanted}`);
          }
        }
      }),
    );
  });

  it("refuses what cannot be written", () => {
    const invalid = { code: "ERR_LMSPT_INVALID_ARGUMENT" };
    const samples = Float32Array.of(0, Number.NaN);
    assert.throws(() => encodeWav({ samples, sampleRate: 8000 }), { ...invalid, message: /sample 1 of channel 0/ });
    assert.throws(() => encodeWav({ samples, sampleRate: 8000 }, { encoding: "float32" }), invalid);
    for (const sampleRate of [0, -1, 0.5, Number.NaN, 2 ** 32]) {
      assert.throws(() => encodeWav({ samples: new Float32Array(1), sampleRate }), {
        ...invalid,
        message: /sampleRate/,
      });
    }
    assert.throws(() => encodeWav({ channels: [], sampleRate: 8000 }), invalid);
    const encoding = "pcm8" as "pcm16";
    assert.throws(
      () => encodeWav({ samples: new Float32Array(1), sampleRate: 1 }, { encoding }),
      /"pcm24" or "float32"/,
    );
  });

  it("refuses files above 4 GiB", () => {
    const format = { sampleRate: 24000, channels: 1, encoding: "pcm16" } as const;
    const most = (0xffffffff - 36 - 1) / 2;
    assert.deepEqual([...buildWavHeader(format, most).subarray(4, 8)], u32(0xfffffffe));
    assert.throws(() => buildWavHeader(format, most + 1), { code: "ERR_LMSPT_UNSUPPORTED", message: /4 GiB/ });
  });
});
