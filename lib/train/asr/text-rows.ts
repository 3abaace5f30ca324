/** Transcripts as the decoder reads and foretells them. */
import type { TextTokenizer } from "../../models/whisper/index.js";
import type { Utterance } from "./utterances.js";

/** What does not count in the loss of the text. */
const IGNORED = -100;
/** What stands behind the labels. */
const NONE = -1;

export interface TextBatch {
  /** Prompt and text of every item (B, length), the end repeated behind. */
  readonly tokens: Int32Array;
  /** What follows each token (B, length): language, text and end count. */
  readonly targets: Int32Array;
  /** The text alone (B, length). */
  readonly labels: Int32Array;
}

export class TextRows {
  constructor(
    private readonly tokenizer: TextTokenizer,
    readonly length: number,
  ) {}

  /** Tokens that an utterance takes with its prompt. */
  static lengthOf(tokenizer: TextTokenizer, { text, language }: Utterance): number {
    return tokenizer.prompt(language).length + tokenizer.encode(text).length;
  }

  of(utterances: readonly Utterance[]): TextBatch {
    const { length, tokenizer } = this;
    const [tokens, targets, labels] = [tokenizer.end, IGNORED, NONE].map((padding) =>
      new Int32Array(utterances.length * length).fill(padding),
    ) as [Int32Array, Int32Array, Int32Array];
    for (const [row, { text, language }] of utterances.entries()) {
      const prompt = tokenizer.prompt(language);
      const said = tokenizer.encode(text);
      tokens.set([...prompt, ...said], row * length);
      labels.set(said, row * length);
      // The language and the text are foretold; task and timestamps are given.
      targets[row * length] = prompt[1]!;
      targets.set([...said, tokenizer.end], row * length + prompt.length - 1);
    }
    return { tokens, targets, labels };
  }
}
