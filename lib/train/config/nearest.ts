import { editDistance } from "../../eval/edit-distance.js";

/** The candidate that is spelt most like `name`, where one is near enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const most = Math.max(2, Math.ceil(name.length / 3));
  const rated = candidates.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  rated.sort((a, b) => a.distance - b.distance);
  return rated[0] && rated[0].distance <= most ? rated[0].candidate : undefined;
}
