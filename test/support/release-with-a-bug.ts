import { adyen } from '../../src/providers/adyen/index.ts';

/* A preload, `node --import release-with-a-bug.ts`: a release whose adapter cannot read one type of event any more. */
const { normalise } = adyen;
Object.assign(adyen, {
  normalise: (...[event, settings]: Parameters<typeof normalise>): ReturnType<typeof normalise> => {
    if (event.type === 'CAPTURE') throw new TypeError("Cannot read properties of undefined (reading 'value')");
    return normalise(event, settings);
  },
});
