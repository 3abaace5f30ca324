export { type Fault, firstFault } from "./fault.js";
export type { StepSize } from "./inputs.js";
export { type LossWeights, makeRecipe, PUBLIC_WEIGHTS, type Recipe, TEACHER_RATE, type Teacher } from "./recipe.js";
export {
  makeOptimizers,
  type Pace,
  type StepData,
  type StepOptimizers,
  type StepResult,
  TrainingStep,
} from "./training-step.js";
