// A user's CommonJS module, type-checked against the package as its exports map presents it.
import lmspt = require("lmspt");

export async function frames(path: string): Promise<number> {
  const tokenizer: lmspt.Tokenizer = await lmspt.Tokenizer.load("random:1");
  try {
    const tokens: lmspt.Tokens = await tokenizer.encode(path);
    return tokens.frames;
  } finally {
    await tokenizer.close();
  }
}

// @ts-expect-error The package has no default export.
export const nothing = lmspt.default;
