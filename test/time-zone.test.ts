import { expect, it } from 'vitest';
import { commonSettingFaults } from '../src/providers/common-settings.ts';
import { isTimeZone } from '../src/time-zone.ts';

it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata', 'Asia/Calcutta', 'Europe/Kyiv'])(
  'knows %s',
  (name) => {
    expect(isTimeZone(name)).toBe(true);
    expect(commonSettingFaults({ time_zone: name })).toEqual([]);
  },
);

it.each([
  '',
  'utc',
  'Berlin',
  'Europe/Bielefeld',
  'europe/berlin',
  'CET',
  'EST',
  'IST',
  '+05:30',
  'GMT+2',
  'Etc/GMT-14',
  'Europe/Berlin; drop',
])('refuses "%s", and says what it may be', (name) => {
  expect(isTimeZone(name)).toBe(false);
  expect(commonSettingFaults({ time_zone: name })).toEqual([
    { path: '/time_zone', message: 'must be the IANA name of a time zone, such as Europe/Berlin, or UTC' },
  ]);
});

it.each([null, 7, ['Europe/Berlin']])('refuses %s', (value) => {
  expect(commonSettingFaults({ time_zone: value } as never)).toHaveLength(1);
});
