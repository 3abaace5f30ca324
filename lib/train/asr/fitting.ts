/** Which transcripts a decoder has positions for. */
import { LmsptError } from "../../errors.js";
import { describeSource } from "../data/index.js";
import type { RecogniserRecipe } from "./step.js";
import { TextRows } from "./text-rows.js";
import type { Utterance } from "./utterances.js";

export interface Fitting {
  readonly utterances: readonly Utterance[];
  /** As long as the longest of them. */
  readonly rows: TextRows;
  /** Recordings whose transcripts are longer, and what is told of them. */
  readonly leftOut: ReadonlyMap<string, string>;
}

/** @throws LmsptError ERR_LMSPT_CONFIG where none fits */
export function chooseFitting(
  all: readonly Utterance[],
  { whisper, tokenizer }: Pick<RecogniserRecipe, "whisper" | "tokenizer">,
): Fitting {
  const most = whisper.config.max_target_positions;
  const utterances: Utterance[] = [];
  const leftOut = new Map<string, string>();
  let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
  for (const utterance of all) {
    const length = TextRows.lengthOf(tokenizer, utterance);
    shortest = Math.min(shortest, length);
    if (length <= most) {
      longest = Math.max(longest, length);
      utterances.push(utterance);
    } else {
      const problem = `Expected at most ${most} tokens, model.max_target_positions, its transcript takes ${length}`;
      leftOut.set(describeSource(utterance.source), problem);
    }
  }
  if (utterances.length > 0) return { utterances, rows: new TextRows(tokenizer, longest), leftOut };
  throw new LmsptError(
    "ERR_LMSPT_CONFIG",
    `model.max_target_positions: expected enough for a transcript, the shortest takes ${shortest}, got ${most}`,
  );
}
