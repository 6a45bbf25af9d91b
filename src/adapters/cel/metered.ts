import type { Json } from "../../api/json.ts";

/** What one evaluation may read: each member counts 1, and a text its length more. */
export class Meter {
  #left: number;

  constructor(budget: number) {
    this.#left = budget;
  }

  /** More was asked for than the budget holds. */
  get exhausted(): boolean {
    return this.#left < 0;
  }

  spend(cost: number): void {
    this.#left -= cost;
    if (this.exhausted) throw EXHAUSTED;
  }
}

/** One error for all: an expression that catches it again and again must not pay for stack traces. */
const EXHAUSTED = new RangeError("the expression reads too much");

/**
 * JSON as CEL sees it: whole numbers are ints, and every read is charged. It is a view: what an expression does not touch
 * costs nothing, however large the object is.
 */
export function metered(value: Json | undefined, meter: Meter): unknown {
  if (typeof value === "string") {
    meter.spend(value.length);
    return value;
  }
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key);
      if (typeof key === "symbol" || !Object.hasOwn(target, key)) return member;
      meter.spend(1);
      return Array.isArray(target) && key === "length" ? member : metered(member as Json, meter);
    },
    ownKeys(target) {
      const keys = Reflect.ownKeys(target);
      meter.spend(keys.length);
      return keys;
    },
  });
}
