/** A thread that does what it is told, also to fail, to hang and to die. */
import { answerTasks } from "../../../../lib/train/data/task-pool.js";

answerTasks(async (request: string) => {
  if (request === "fail") throw new Error("as asked");
  if (request === "hang") for (;;);
  if (request === "die")
    setImmediate(() => {
      throw new Error("dying");
    });
  if (request === "die") await new Promise(() => {});
  return { result: `${request}!` };
});
