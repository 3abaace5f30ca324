import assert from "node:assert/strict";
import { Device } from "../../../lib/graph/device.js";
import { Graph } from "../../../lib/graph/graph.js";
import { fillRandomly } from "../../../lib/models/initial.js";
import {
  CachedDecoder,
  type NextScores,
  parseWhisperConfig,
  search,
  Whisper,
} from "../../../lib/models/whisper/index.js";
import { assertClose, randomFloats } from "../../golden.js";

const vocabulary = 11;
const samples = 9000;

describe("Whisper, token by token", () => {
  let device: Device;
  let whisper: Whisper;
  before(async () => {
    device = Device.open("cpu");
    whisper = new Whisper(
      parseWhisperConfig({
        num_mel_bins: 20,
        d_model: 32,
        max_source_positions: 40,
        encoder_layers: 1,
        encoder_attention_heads: 4,
        max_target_positions: 12,
        decoder_layers: 2,
        vocab_size: vocabulary,
      }),
    );
    await fillRandomly(whisper.parameters, 1);
  });
  after(() => device.close());

  /** Scores (T, vocabulary) of a whole sequence at once. */
  async function atOnce(tokens: readonly number[], audio: Float32Array): Promise<Float32Array> {
    const graph = new Graph();
    const features = whisper.encoder.features(graph.input("audio", [1, samples]));
    const y = whisper.decoder.forward(graph.input("tokens", [1, tokens.length], "i32"), features);
    const plan = await graph.compile(device, { y });
    return (await plan.run({ audio, tokens: Int32Array.from(tokens) })).y as Float32Array;
  }

  it("scores as it does for the whole sequence at once, beam by beam, also after beams changed places", async () => {
    const decoder = await CachedDecoder.create(whisper, device, { samples, beams: 2 });
    for (const seed of [1, 2]) {
      const audio = randomFloats(samples, seed);
      await decoder.hear(audio);
      await decoder.step(Int32Array.of(3, 4), Int32Array.of(0, 1), 0);
      const second = await decoder.step(Int32Array.of(5, 6), Int32Array.of(1, 1), 1);
      const third = await decoder.step(Int32Array.of(7, 8), Int32Array.of(1, 0), 2);
      const sequences = [
        [4, 6, 7],
        [4, 5, 8],
      ];
      for (const [beam, tokens] of sequences.entries()) {
        const expected = await atOnce(tokens, audio);
        const row = (scores: Float32Array, i: number) => scores.slice(i * vocabulary, (i + 1) * vocabulary);
        assertClose(row(second, 1 - beam), row(expected, 1), 1e-5, `beam ${beam}, second token`);
        assertClose(row(third, beam), row(expected, 2), 1e-5, `beam ${beam}, third token`);
      }
    }
    decoder.close();
  });

  it("greedy takes the likeliest token each time, until the end", async () => {
    const audio = randomFloats(samples, 5);
    const decoder = await CachedDecoder.create(whisper, device, { samples, beams: 1 });
    await decoder.hear(audio);
    const end = 0;
    const options = { prompt: [1, 2], end, suppress: [9], most: 6, beams: 1 };
    const { tokens } = await search((...args) => decoder.step(...args), options);
    const expected = [1, 2];
    while (expected.length < 8) {
      const scores = (await atOnce(expected, audio)).slice(-vocabulary);
      scores[9] = Number.NEGATIVE_INFINITY;
      const best = scores.indexOf(Math.max(...scores));
      if (best === end) break;
      expected.push(best);
    }
    assert.deepEqual(tokens, expected.slice(2));
    decoder.close();
  });

  describe("searching", () => {
    /** Scores that follow from the last two tokens of each beam, and a record of the beams' histories. */
    function oracle(table: (history: readonly number[]) => number[], beams: number): NextScores {
      let histories: number[][] = Array.from({ length: beams }, () => []);
      return async (tokens, parents, position) => {
        histories = Array.from(tokens, (token, i) => [...histories[parents[i]!]!, token]);
        assert(histories.every((history) => history.length === position + 1));
        return Float32Array.from(histories.flatMap(table));
      };
    }
    const logs = (...probabilities: number[]) => probabilities.map(Math.log);

    it("with two beams finds the text that greedy search misses", async () => {
      // 0 ends. Behind 3: 1 is likelier than 2, but what follows 1 is not.
      const table = (history: readonly number[]) => {
        if (history.length === 1) return logs(0.02, 0.5, 0.46, 0.02);
        return history[1] === 1 ? logs(0.26, 0.25, 0.25, 0.24) : logs(0.97, 0.01, 0.01, 0.01);
      };
      const options = { prompt: [3], end: 0, most: 5 };
      const greedy = await search(oracle(table, 1), { ...options, beams: 1 });
      const wide = await search(oracle(table, 2), { ...options, beams: 2 });
      assert.deepEqual([greedy.tokens, wide.tokens], [[1], [2]]);
      assert(Math.abs(wide.score - Math.log(0.46 * 0.97) / 2) < 1e-6);
    });

    it("stops at the most tokens, and never chooses what is suppressed", async () => {
      const table = () => logs(0.1, 0.2, 0.7);
      const found = await search(oracle(table, 3), { prompt: [1], end: 0, suppress: [2, 0], most: 4, beams: 3 });
      assert.deepEqual(found.tokens, [1, 1, 1, 1]);
    });

    it("needs something to begin with", async () => {
      await assert.rejects(
        search(
          oracle(() => [0], 1),
          { prompt: [], end: 0, most: 1, beams: 1 },
        ),
        {
          code: "ERR_LMSPT_INVALID_ARGUMENT",
        },
      );
    });
  });
});
