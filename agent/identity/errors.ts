import { defineErrors } from '../../host/errors/errors.ts';

/** Errors of joining a head node and of speaking to it. None of their texts holds a secret. */
export const identityErrors = defineErrors({
  JoinTokenInvalid: { message: 'the join token cannot be used: {reason}', exit: 2, hint: 'Copy the whole token that the head node printed, or make a new one there.' },
  AlreadyJoined: { message: 'this node has joined the head node {head} already', hint: 'Pass --again to leave that one and join with this token.' },
  NotJoined: { message: 'this node has joined no head node' },
  HeadUnreachable: { message: 'the head node {head} cannot be reached: {reason}', hint: 'Is its address right, and is it on a network of this node?' },
  HeadUntrusted: {
    message: 'whoever answers at {head} is not the head node that was named: {reason}',
    hint: 'Nothing was sent to it. Name it anew, by a new token or by the fingerprint of its authority, and make sure that nobody stands in between.',
  },
  JoinRefused: { message: 'the head node {head} refused to let this node join: {reason}' },
  TokenUsed: { message: 'the join token was used already', hint: 'A token lets one node join, once. Make a new one at the head node.' },
  TokenExpired: { message: 'the join token has expired', hint: 'Make a new one at the head node.' },
  HeadFileInvalid: { message: 'head.json of this boot cannot be used: {reason}' },
  NoMachineUuid: { message: 'this machine cannot be told from others: its hardware says that its uuid is {uuid}', hint: 'Give it one by the kernel parameter override_uuid.' },
  HeadRefused: { message: 'the head node {head} answered {path} with {status} {code}: {reason}' },
});
