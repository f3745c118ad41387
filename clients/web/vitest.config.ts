import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The tests' clock is a fake, so this limits only the machine's own time. Busy machines need more.
    testTimeout: 60_000,
    unstubGlobals: true,
    restoreMocks: true,
  },
});
