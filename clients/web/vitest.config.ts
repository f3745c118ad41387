import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The clock is a fake, so this is how long the machine may take: some are busy.
    testTimeout: 60_000,
    unstubGlobals: true,
    restoreMocks: true,
  },
});
