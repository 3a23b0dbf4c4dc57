import type { EndpointSettings } from '../provider.ts';

/**
 * The regions a topic may be in. Its host is written here and never taken from a message: what a message says is only
 * compared with it. docs.aws.amazon.com/general/latest/gr/sns.html
 */
const REGIONS = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ca-central-1',
  'sa-east-1',
  'eu-central-1',
  'eu-north-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
] as const;

/** Every host a certificate may be fetched from, or a subscription confirmed at: the egress allow list. */
export const SNS_HOSTS: readonly string[] = REGIONS.map((region) => `sns.${region}.amazonaws.com`);

const TOPIC_ARN = /^arn:aws:sns:([a-z0-9-]{1,32}):\d{12}:[A-Za-z0-9_-]{1,256}$/;
export const TOPICS_MAX = 20;

/** The SNS host of a topic, or null where this is no topic of a region we know. */
export function hostOfTopic(arn: string): string | null {
  const region = TOPIC_ARN.exec(arn)?.[1];
  const host = `sns.${region}.amazonaws.com`;
  return region !== undefined && SNS_HOSTS.includes(host) ? host : null;
}

/** The topics of the endpoint's settings. */
export function topicsOf({ topic_arns: topics }: EndpointSettings): readonly string[] {
  return Array.isArray(topics)
    ? topics.filter((one): one is string => typeof one === 'string' && hostOfTopic(one) !== null)
    : [];
}
