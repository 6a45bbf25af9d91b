/** Tells whether this process leads, by its own monotonic clock. */
export interface Leadership {
  /** True while the lease is surely ours. Asked before each write. */
  holds(): boolean;
}
