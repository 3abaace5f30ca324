import assert from "node:assert/strict";
import fc from "fast-check";
import { sliceTokens, type Tokens } from "../../lib/data/tokens.js";
import type { Tokenizer } from "../../lib/index.js";
import { randomFloats } from "../golden.js";
import { useFolder } from "./small-models.js";
import { collect, cut, HOP, joinAudio, joinTokens, loadSmall } from "./stream-models.js";

const CONFIGURATIONS: Readonly<Record<string, object>> = {
  "the small model": {},
  "a shared encoder": { use_shared_encoder: true },
  "a causal model": { is_causal: true },
  "a stride of 1": {
    encoder_rates: [8, 1, 12],
    decoder_rates: [12, 1, 8],
    decoder_dim: 8,
    aux_decoder: { channels: 4, rates: [48], sample_rate: 8000 },
  },
  "odd strides": { encoder_rates: [3, 2, 16], decoder_rates: [3, 32], aux_decoder: { channels: 4, rates: [3, 32] } },
};

/** Pieces of tokens of these numbers of frames; the last one keeps the true length. */
function* cutTokens(tokens: Tokens, lengths: readonly number[]): Generator<Tokens> {
  for (let place = 0, i = 0; place < tokens.frames; i++) {
    const end = Math.min(tokens.frames, place + lengths[i % lengths.length]!);
    yield sliceTokens(tokens, place, end);
    place = end;
  }
}

for (const [name, fields] of Object.entries(CONFIGURATIONS)) {
  describe(`streams through ${name}`, function () {
    this.timeout(60_000);
    const path = useFolder();
    let tokenizer: Tokenizer;
    let empty: Tokens;
    before(async () => {
      tokenizer = await loadSmall(path("model"), fields);
      empty = await tokenizer.encode(new Float32Array());
    });
    after(() => tokenizer.close());

    const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9000 })), {
      minLength: 1,
      maxLength: 6,
    });
    const pieceSeconds = fc.option(
      fc.integer({ min: 1, max: 40 }).map((frames) => (frames * HOP) / 16000),
      { nil: undefined },
    );

    it("give the bits of the whole, for pieces of any size in and out", async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(200 * HOP), lengths, pieceSeconds, async (length, lengths, pieceSeconds) => {
          const audio = randomFloats(length, length + 1);
          const whole = await tokenizer.encode(audio);
          const stream = tokenizer.encodeStream(cut(audio, lengths), { pieceSeconds });
          assert.deepEqual(joinTokens(await collect(stream), empty), whole);
        }),
        { numRuns: 12 },
      );
    });

    it("decode to the bits of the whole in every mode, for pieces of any number of frames", async () => {
      const modes = fc.constantFrom<object>({}, { mode: "aux" }, { mode: "semantic" }, { codebooks: 3 });
      const frames = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(fc.nat(150 * HOP), frames, pieceSeconds, modes, async (length, frames, pieceSeconds, mode) => {
          const tokens = await tokenizer.encode(randomFloats(length, length + 2));
          const { samples, sampleRate } = await tokenizer.decode(tokens, mode);
          const stream = tokenizer.decodeStream(cutTokens(tokens, frames), { ...mode, pieceSeconds });
          const chunks = await collect(stream);
          assert.deepEqual(joinAudio(chunks), samples);
          for (const chunk of chunks) assert.equal(chunk.sampleRate, sampleRate);
        }),
        { numRuns: 12 },
      );
    });

    it("pass through each other: speech to tokens to speech", async () => {
      const audio = randomFloats(130 * HOP + 5, 3);
      const { samples } = await tokenizer.decode(await tokenizer.encode(audio));
      const tokens = tokenizer.encodeStream(cut(audio, [777]));
      assert.deepEqual(joinAudio(await collect(tokenizer.decodeStream(tokens))), samples);
    });
  });
}

describe("batches and threads", function () {
  this.timeout(60_000);
  const path = useFolder();
  const tokenizers: Tokenizer[] = [];
  before(async () => {
    for (const threads of [1, 2, 3, 4]) tokenizers.push(await loadSmall(path("model"), {}, threads));
  });
  after(() => Promise.all(tokenizers.map((tokenizer) => tokenizer.close())));

  it("make no difference: every item comes out as alone, whole or in pieces, with any number of threads", async () => {
    const items = fc.array(fc.record({ length: fc.constantFrom(0, 1, 500, 500, 1000, 20_000), seed: fc.nat(99) }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(items, fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 3000 }), async (items, a, b, piece) => {
        const audio = items.map(({ length, seed }) => randomFloats(length, seed));
        const [one, other] = [tokenizers[a]!, tokenizers[b]!];
        const tokens = await one.encode(audio);
        const speech = await one.decode(tokens);
        const aux = await one.decode(tokens, { mode: "aux" });
        for (const [i, samples] of audio.entries()) {
          const chunks = await collect(other.encodeStream(cut(samples, [piece])));
          assert.deepEqual(tokens[i], joinTokens(chunks, await other.encode(new Float32Array())));
          assert.deepEqual(speech[i], await other.decode(tokens[i]!));
          assert.deepEqual(joinAudio(await collect(other.decodeStream([tokens[i]!]))), speech[i]!.samples);
          assert.deepEqual(aux[i], await other.decode(tokens[i]!, { mode: "aux" }));
        }
      }),
      { numRuns: 4 },
    );
  });
});

describe("the look-ahead of streams", function () {
  this.timeout(60_000);
  const path = useFolder();
  let tokenizer: Tokenizer;
  let causal: Tokenizer;
  before(async () => {
    tokenizer = await loadSmall(path("model"), {});
    causal = await loadSmall(path("causal"), { is_causal: true });
  });
  after(() => Promise.all([tokenizer.close(), causal.close()]));

  /** Samples that a stream had to take before it gave each of its pieces, and the frames given by then. */
  async function delays(of: Tokenizer, audio: Float32Array, options: object): Promise<number[]> {
    let taken = 0;
    async function* source() {
      for (const piece of cut(audio, [HOP])) {
        taken += piece.length;
        yield piece;
      }
    }
    const result: number[] = [];
    for await (const { startFrame, tokens } of of.encodeStream(source(), options)) {
      const frames = startFrame + tokens.frames;
      if (frames < audio.length / HOP) result.push(taken / HOP - frames);
    }
    return result;
  }

  const audio = randomFloats(150 * HOP, 1);
  const frameSeconds = HOP / 16000;

  it("is what decides the delay: less of it comes sooner", async () => {
    const exact = Math.max(...(await delays(tokenizer, audio, { pieceSeconds: frameSeconds })));
    const half = Math.max(
      ...(await delays(tokenizer, audio, { pieceSeconds: frameSeconds, lookahead: 5 * frameSeconds })),
    );
    const none = Math.max(...(await delays(tokenizer, audio, { pieceSeconds: frameSeconds, lookahead: 0 })));
    assert(exact > 15, `${exact}`);
    assert.deepEqual([half, none], [5, 0]);
  });

  it("changes codes where it is less than the model sees, and none where it is as much", async () => {
    const whole = await tokenizer.encode(audio);
    const codes = async (lookahead: number) => {
      const stream = tokenizer.encodeStream(cut(audio, [1000]), { lookahead: lookahead * frameSeconds });
      return joinTokens(await collect(stream), await tokenizer.encode(new Float32Array()));
    };
    assert.deepEqual(await codes(1000), whole);
    const changed = await codes(0);
    assert.equal(changed.samples, whole.samples);
    assert.notDeepEqual(changed.semantic, whole.semantic);
  });

  it("leaves no gaps in decoded speech, however short it is", async () => {
    const tokens = await tokenizer.encode(audio);
    for (const mode of ["full", "aux"] as const) {
      const { samples } = await tokenizer.decode(tokens, { mode });
      const stream = tokenizer.decodeStream([tokens], { mode, lookahead: 0, pieceSeconds: frameSeconds });
      const streamed = joinAudio(await collect(stream));
      assert.equal(streamed.length, samples.length);
      // What no layer reaches is exactly 0; only the whole's own end is.
      const zeros = (values: Float32Array) => values.filter((value) => value === 0).length;
      assert.equal(zeros(streamed), zeros(samples));
    }
  });

  it("of a causal model is nothing: a frame in, a frame out", async () => {
    assert.deepEqual(new Set(await delays(causal, audio, {})), new Set([0]));
  });
});
