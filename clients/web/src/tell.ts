/** Tells a listener. Its failure is its own: it is reported where uncaught errors are, and stops nothing here. */
export function tell<T>(listener: ((news: T) => unknown) | undefined, news: T): void {
  try {
    Promise.resolve(listener?.(news)).catch(report);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error);
  else console.error(error);
}
