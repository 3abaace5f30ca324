import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decodeWav } from "../../lib/audio/wav.js";
import { FormatError } from "../../lib/errors.js";
import { ascii, chunk, extensibleBody, fixture, formatBody, u16, u32, u64, wav } from "./support.js";

function floats(bits: 32 | 64, ...values: number[]): number[] {
  const array = bits === 32 ? Float32Array.from(values) : Float64Array.from(values);
  return [...new Uint8Array(array.buffer)];
}

const PCM = 1;
const FLOAT = 3;

describe("decodeWav", () => {
  const cases = [
    { encoding: "pcm8", tag: PCM, bits: 8, data: [0, 64, 128, 255], samples: [-1, -0.5, 0, 127 / 128] },
    {
      encoding: "pcm16",
      tag: PCM,
      bits: 16,
      data: [0x00, 0x80, 0xff, 0xff, 0x01, 0x00, 0xff, 0x7f],
      samples: [-1, -1 / 32768, 1 / 32768, 32767 / 32768],
    },
    {
      encoding: "pcm24",
      tag: PCM,
      bits: 24,
      data: [0, 0, 0x80, 0xff, 0xff, 0xff, 0x56, 0x34, 0x12, 0xff, 0xff, 0x7f],
      samples: [-1, -1 / 8388608, 0x123456 / 8388608, 8388607 / 8388608],
    },
    {
      encoding: "pcm32",
      tag: PCM,
      bits: 32,
      data: [0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x40],
      samples: [-1, -1 / 2147483648, 0.5],
    },
    { encoding: "float32", tag: FLOAT, bits: 32, data: floats(32, 0.1, -2.5, 1e-30), samples: [0.1, -2.5, 1e-30] },
    { encoding: "float64", tag: FLOAT, bits: 64, data: floats(64, 0.1, -2.5, 1 / 3), samples: [0.1, -2.5, 1 / 3] },
  ];

  for (const { encoding, tag, bits, data, samples } of cases) {
    for (const [kind, body] of [
      ["plain", formatBody(tag, 1, 24000, bits)],
      ["extensible", extensibleBody(tag, 1, 24000, bits)],
    ] as const) {
      it(`reads ${kind} ${encoding}`, () => {
        const audio = decodeWav(wav(chunk("fmt ", body), chunk("data", data)));
        assert.deepEqual(audio.channels, [Float32Array.from(samples)]);
        const frames = samples.length;
        assert.deepEqual(audio.format, { sampleRate: 24000, channels: 1, frames, bitsPerSample: bits, encoding });
      });
    }
  }

  it("separates interleaved channels", () => {
    const data = [1, 2, 3, 4, 5, 6].flatMap((value) => u16(value * 1024));
    const audio = decodeWav(wav(chunk("fmt ", formatBody(PCM, 3, 8000, 16)), chunk("data", data)));
    assert.deepEqual(
      audio.channels.map((channel) => [...channel].map((sample) => sample * 32)),
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    );
  });

  it("reads files by another program in every encoding", () => {
    const expected = decodeWav(readFileSync(fixture("speech-1s.wav"))).channels[0]!.subarray(7200, 9600);
    assert.ok(expected.some((sample) => Math.abs(sample) > 0.1));
    for (const name of ["pcm16", "pcm24", "pcm32", "float32", "float64", "pcm16-streamed"]) {
      assert.deepEqual(decodeWav(readFileSync(fixture(`${name}.wav`))).channels, [expected], name);
    }
    const coarse = decodeWav(readFileSync(fixture("pcm8.wav"))).channels[0]!;
    assert.ok(coarse.every((sample, index) => Math.abs(sample - expected[index]!) <= 1 / 128));
    const three = decodeWav(readFileSync(fixture("pcm16-3channels.wav"))).channels;
    for (const [index, factor] of [1, 0.5, -0.25].entries()) {
      assert.ok(three[index]!.every((sample, frame) => Math.abs(sample - expected[frame]! * factor) <= 1 / 32768));
    }
  });

  const format = chunk("fmt ", formatBody(PCM, 1, 8000, 8));
  const data = [128, 192, 64];
  const samples = Float32Array.of(0, 0.5, -0.5);

  it("skips unknown chunks and their padding", () => {
    const bytes = wav(chunk("LIST", [1, 2, 3]), format, chunk("odd ", [9]), chunk("data", data), chunk("id3 ", [1]));
    assert.deepEqual(decodeWav(bytes).channels, [samples]);
  });

  it("leaves out a partial frame at the end", () => {
    const bytes = wav(chunk("fmt ", formatBody(PCM, 1, 8000, 16)), chunk("data", [0, 64, 1]));
    assert.deepEqual(decodeWav(bytes).channels, [Float32Array.of(0.5)]);
  });

  it("reads an empty file that is followed by another chunk", () => {
    const bytes = wav(format, chunk("data", []), chunk("LIST", [1, 2]));
    assert.deepEqual(decodeWav(bytes).channels, [new Float32Array(0)]);
  });

  for (const [riffSize, dataSize] of [
    [0, 0],
    [0xffffffff, 0],
    [0xffffffff, 0xffffffff],
    [36, 0],
    [0x7ffff024, 0x7ffff000],
    [0x80000024, 0x80000000],
  ] as const) {
    it(`reads a streamed file with sizes ${riffSize} and ${dataSize} to its end`, () => {
      const bytes = wav(format, chunk("data", [...data, 128], dataSize));
      bytes.set(u32(riffSize), 4);
      assert.deepEqual(decodeWav(bytes).channels, [Float32Array.of(...samples, 0)]);
    });
  }

  it("reads RF64 with its 64-bit sizes", () => {
    const ds64 = chunk("ds64", [...u64(100), ...u64(3), ...u64(3), ...u32(0)]);
    const bytes = wav(ds64, format, chunk("data", data, 0xffffffff), chunk("LIST", [1, 2]));
    bytes.set([...ascii("RF64"), ...u32(0xffffffff)]);
    assert.deepEqual(decodeWav(bytes).channels, [samples]);
    bytes.set(u64(2 ** 40), 28);
    assert.throws(() => decodeWav(bytes), { name: "FormatError", message: /cut off.*1099511627776 bytes/ });
  });

  describe("refuses", () => {
    const refused: readonly [string, Uint8Array, number, RegExp][] = [
      ["nothing", new Uint8Array(0), 0, /ends inside the RIFF header/],
      ["another format", Uint8Array.from(ascii("RIFX....WAVE")), 0, /but found "RIFX/],
      ["no chunks", wav(), 12, /ends inside the search for "fmt "/],
      ["no samples", wav(format), 36, /search for the "data" chunk/],
      ["samples before the format", wav(chunk("data", data), format), 12, /before the "fmt " chunk/],
      ["a short format", wav(chunk("fmt ", [1, 0, 1, 0])), 20, /at least 16 bytes/],
      ["a chunk beyond the end", wav(format, chunk("junk", [1, 2], 3000)), 36, /claims 3000 bytes but 2 are left/],
      ["cut off samples", wav(format, chunk("data", data, 5000)), 44, /take 5000 bytes but 4 are there/],
      ["no channels", wav(chunk("fmt ", formatBody(PCM, 0, 8000, 8))), 22, /0 channels/],
      ["a sample rate of 0", wav(chunk("fmt ", formatBody(PCM, 1, 0, 8))), 24, /sample rate of 0/],
      ["a wrong frame size", wav(chunk("fmt ", formatBody(PCM, 1, 8000, 8).with(12, 7))), 32, /1 bytes.*says 7/],
      ["a short extensible format", wav(chunk("fmt ", formatBody(0xfffe, 1, 8000, 8))), 20, /Expected 40 bytes/],
      ["endless chunks", wav(...Array.from({ length: 5000 }, () => chunk("junk", []))), 12 + 4096 * 8, /first 4096/],
    ];
    for (const [what, bytes, offset, message] of refused) {
      it(what, () => {
        assert.throws(
          () => decodeWav(bytes),
          (error: unknown) => {
            assert.ok(error instanceof FormatError);
            assert.match(error.message, message);
            assert.equal(error.offset, offset);
            return true;
          },
        );
      });
    }

    it("encodings that it does not know", () => {
      const unsupported = { code: "ERR_LMSPT_UNSUPPORTED" };
      const withFormat = (body: number[]) => () => decodeWav(wav(chunk("fmt ", body), chunk("data", data)));
      assert.throws(withFormat(formatBody(7, 1, 8000, 8)), { ...unsupported, message: /0x0007 with 8 bits.*convert/ });
      assert.throws(withFormat(formatBody(PCM, 1, 8000, 12)), unsupported);
      assert.throws(withFormat(formatBody(FLOAT, 1, 8000, 16)), unsupported);
      assert.throws(withFormat(extensibleBody(PCM, 1, 8000, 16).with(30, 9)), { ...unsupported, message: /GUID/ });
    });
  });
});
