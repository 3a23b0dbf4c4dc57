/** A pause between two looks for work that whoever stops the loop can cut short. */
export type NudgedPause = {
  take(ms: number): Promise<void>;
  /** Ends the pause that is being taken, if there is one. */
  nudge(): void;
};

export function createNudgedPause(): NudgedPause {
  let end: () => void = () => undefined;
  return {
    take(ms) {
      return new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        function done(): void {
          clearTimeout(timer);
          end = () => undefined;
          resolve();
        }
        end = done;
      });
    },
    nudge: () => end(),
  };
}
