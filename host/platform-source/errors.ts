import { defineErrors } from '../errors/errors.ts';

/** Errors of the places that platform images are taken from. */
export const sourceErrors = defineErrors({
  PlatformSourceUnknown: {
    message: 'cannot install from {source}: {reason}',
    exit: 2,
    hint: 'Give a directory, a platform-<stamp>.tar, an .iso, a URL, `media`, or, on a node of a fleet, a stamp or `latest`.',
  },
  PlatformArchiveUnsafe: { message: 'refusing {archive}: {reason}', hint: 'It is no platform image as `npm run platform` makes it.' },
  PlatformSpace: { message: '{place} has {free} MB free, the platform image needs {needed} MB', hint: 'Remove one that nobody needs: `zonewright platform remove <stamp>`, on a head node `zonewright head platform remove <stamp>`.' },
  MediaMissing: { message: 'there is no Zonewright CD or USB stick in this machine', hint: 'Insert it, or give its image as an .iso.' },
});
