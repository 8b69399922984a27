import { defineErrors } from '../host/errors/errors.ts';

/** Errors of `zonewright` and `nictagadm`. Each of setup's is found before anything is changed. */
export const nodeErrors = defineErrors({
  UsageError: { message: '{reason}', exit: 2 },
  NotRoot: { message: '{command} must run as root', hint: 'Try again with sudo, or from a root shell.' },
  NoZfs: { message: 'this host has neither a ZFS module nor the zfs-fuse daemon', hint: '`apt-get install zfsutils-linux` where the kernel has the module, else `apt-get install zfs-fuse`.' },
  NoFuse: { message: 'there is no /dev/fuse, and without a ZFS module zones need it', hint: 'Load the fuse module, or install zfs-dkms (Debian: section contrib).' },
  PoolNotOurs: {
    message: 'the pool {pool} was not made by Zonewright',
    hint: 'Pass --adopt to let this node use it beside what is in it, or --pool with another name.',
  },
  PoolOfAnotherNode: {
    message: 'the pool {pool} belongs to node {owner}, this is node {node}',
    hint: 'Pass --adopt to take it over; make sure that no other host uses it.',
  },
  PoolNameInvalid: { message: 'the pool name "{pool}" is not valid: {reason}' },
  TooFewDisks: { message: 'layout {layout} takes at least {least} disks, and these are {count}' },
  NodeHasPool: { message: 'this node keeps its zones in the pool {pool}, not in {other}', hint: 'Run `zonewright setup` without --pool.' },
  PoolSourceConflict: { message: 'the pool {pool} exists; {option} is only for a new one' },
  PoolFileUnusable: { message: 'pool file {path} cannot be used: {reason}' },
  PoolGone: { message: 'the pool {pool} of this node cannot be found{where}', hint: 'Bring its disks or its file back; setup never makes a new pool in place of a lost one.' },
  NoSpace: { message: '{path} has {free} GiB free, a pool needs {needed} GiB' },
  AddressRangeInUse: {
    message: 'the admin network {address} overlaps {other} on interface {interface}',
    hint: 'Choose another one: --admin-address 10.78.0.1/24',
  },
  UidRangesTaken: {
    message: 'no block of {count} ids is free in {path} for zones',
    hint: 'Other users or programs have ranges there; remove those that nobody needs.',
  },
  AnswersInvalid: { message: 'the answers in {source} cannot be used: {reason}', hint: 'docs/install.md lists every key.' },
  AnswersIncomplete: { message: 'the answers in {source} do not say {keys}', hint: 'With "confirm": true nothing is asked. Add what is missing, or leave out "confirm".' },
  AnswersUnreadable: { message: 'the answers in {source} cannot be read: {reason}' },
  DisksNotEmpty: { message: 'the disks are not empty: {contents}', hint: 'Answers with "confirm": true let them be erased.' },
  PoolUnavailable: {
    message: 'there is a pool that cannot be imported: {pools}',
    hint: 'It may be this node\'s: bring its disks back. Set-up without a person never erases it; the wizard on the console can.',
  },
  PoolUnclear: { message: 'which pool is meant is not clear ({wanted}); on the disks there is: {pools}', hint: 'Name one of them.' },
  FactoryResetAmbiguous: { message: 'several pools are nodes\': {pools}', hint: 'Take the disks out that are not this machine\'s, and start again.' },
  FactoryResetUnconfirmed: { message: 'the pool {pool} and everything in it would be destroyed', hint: 'Add --yes-destroy-all-data, or type the pool\'s name when asked.' },
  InstallAborted: { message: 'nothing was installed: {reason}' },
  NoNetworkInterface: { message: 'this machine has no network interface {wanted}' },
  LinkTaken: { message: '{path} exists and is not a link of ours', hint: 'Remove it, or leave out --link.' },
  NicTagInUse: { message: 'nic tag "{tag}" is in use by {vms}' },
  HeadInstallFailed: { message: 'the head node could not be installed: {reason}' },
  NoSuchInterface: { message: 'this host has no interface {interface}' },
});
