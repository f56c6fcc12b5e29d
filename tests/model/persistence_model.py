#!/usr/bin/env python3
"""Persistence as an executable specification: explores every interleaving of a small world and checks the invariants.

    persistence_model.py [--ops 4] [--names ab] [--give-ups 1] [--foreign 1] [--break RULE]… [--expect-violation]

World: one mapped directory (onDelete: delete, onConflict: fail) over a store with atomic conditional writes. Steps: namespace operations, start /
store / finish of each intent, a worker given up at any point, eviction and restore, one foreign put. A run that ends with 'ok' has seen every
reachable state. --break leaves a rule of the protocol out (RULES below): a violation must be found, which shows that the checks can fail;
with --expect-violation that is the success.
A binding's content is (inode, version). 'F' stands for a foreign object. Keys are the names.
"""
import argparse
import sys
from collections import deque, namedtuple

RULES = {
    "fence": "a worker that is given up can finish nothing later",
    "conditions": "the store carries a request out only if the key holds what is expected",
    "one-per-key": "one operation at a time per key and per binding",
    "dissolve-clears": "the key of an entry that is removed or replaced is cleared",
    "bring-back": "contents come back to the cache before the object of another live entry is overwritten",
    "parked-holds-nobody": "who wants the key of a binding in conflict takes it over instead of waiting",
    "give-up-clears": "what is found at the key of a given-up operation, and is no binding's, is cleared",
    "old-key-cleared": "after an upload under a new key the old one is cleared",
}
State = namedtuple("State", "entries versions cached bindings ours intents store running zombies parked ops_left give_ups_left foreign_left")
# entries: ((name, binding), …)   versions[inode] -> newest sealed version   cached[inode] -> its bytes are in the cache
# bindings[b] -> (inode, bound key or None, version bound)   ours[key] -> content we know to be ours there   store[key] -> what is there
# intents: {("persist", b), ("settle", b), ("clear", key)}   parked: {(b, key)} in conflict, or lost
Op = namedtuple("Op", "kind binding inode version key expected source done")  # done: None running, True stored, False refused


def put(sequence, i, value):
    return sequence[:i] + (value,) + sequence[i + 1:]


class Model:
    def __init__(self, arguments):
        self.names, self.broken = arguments.names, frozenset(arguments.broken)
        self.max_inodes, self.max_version = 3, 2

    def at(self, state, key):
        return state.store[self.names.index(key)]

    def ours_at(self, state, key):
        return state.ours[self.names.index(key)]

    def set_ours(self, ours, key, content):
        return put(ours, self.names.index(key), content)

    @staticmethod
    def target(state, binding):
        return next((name for name, b in state.entries if b == binding), None)

    def busy(self, state, key=None, binding=None):
        return "one-per-key" not in self.broken and any((key is not None and key in (o.key, o.source)) or (binding is not None and o.binding == binding) for o in state.running)

    def occupant(self, state, binding, key):
        """Another live binding whose object sits at the key."""
        return next((b for b, (_, bound, _) in enumerate(state.bindings)
                     if b != binding and bound == key and self.target(state, b) is not None), None)

    # ---- namespace operations -------------------------------------------------------------------------------------------------
    def dissolve(self, binding, bindings, intents):
        """The entry is gone: its object, if any, is ours and replaceable, and the key is to be cleared."""
        inode, bound, _ = bindings[binding]
        intents = intents - {("persist", binding), ("settle", binding)}
        if bound is not None and "dissolve-clears" not in self.broken:
            intents |= {("clear", bound)}
        return put(bindings, binding, (inode, None, 0)), intents

    def namespace(self, s):
        entries = dict(s.entries)
        for name in self.names:
            left = s.ops_left - 1
            if name not in entries:
                if len(s.versions) < self.max_inodes:
                    b = len(s.bindings)
                    yield f"create {name}", s._replace(
                        entries=tuple(sorted({**entries, name: b}.items())), versions=s.versions + (1,), cached=s.cached + (True,),
                        bindings=s.bindings + ((len(s.versions), None, 0),), intents=s.intents | {("persist", b)}, ops_left=left)
                continue
            b = entries[name]
            inode = s.bindings[b][0]
            if s.versions[inode] < self.max_version:
                yield f"write {name}", s._replace(versions=put(s.versions, inode, s.versions[inode] + 1), cached=put(s.cached, inode, True),
                                                  intents=s.intents | {("persist", b)}, ops_left=left)
            bindings, intents = self.dissolve(b, s.bindings, s.intents)
            rest = {n: x for n, x in entries.items() if n != name}
            yield f"unlink {name}", s._replace(entries=tuple(sorted(rest.items())), bindings=bindings, intents=intents, ops_left=left)
            for other in self.names:
                if other == name:
                    continue
                bindings, intents = s.bindings, s.intents
                if other in entries:
                    bindings, intents = self.dissolve(entries[other], bindings, intents)
                yield f"rename {name} {other}", s._replace(entries=tuple(sorted({**rest, other: b}.items())), bindings=bindings,
                                                           intents=intents | {("settle", b)}, ops_left=left)

    # ---- intents --------------------------------------------------------------------------------------------------------------
    def start(self, s, intent):
        kind, subject = intent
        without = s._replace(intents=s.intents - {intent})
        if kind == "clear":
            yield from self.start_clear(s, without, subject)
            return
        b, key = subject, self.target(s, subject)
        if key is None or (b, key) in s.parked:
            yield f"drop {intent}", without
            return
        inode, bound, bound_version = s.bindings[b]
        newest = s.versions[inode]
        if kind == "settle" and bound == key:
            yield f"drop {intent}", without
        elif kind == "settle" and (bound is None or newest > bound_version):
            yield f"persist instead {b}", without._replace(intents=without.intents | {("persist", b)})
        elif kind == "persist" and not s.cached[inode] and bound is not None and bound_version == newest:
            yield f"settle instead {b}", without._replace(intents=without.intents | {("settle", b)})
        elif kind == "persist" and not s.cached[inode]:
            yield f"lost {b}", without._replace(parked=s.parked | {(b, key)})
        elif self.busy(s, key=key) or self.busy(s, binding=b) or (kind == "settle" and self.busy(s, key=bound)):
            return
        elif (other := self.occupant(s, b, key)) is not None:
            yield from self.take_over(s, without, b, other, key)
        else:
            source = bound if kind == "settle" else None
            op = Op(kind, b, inode, newest, key, self.ours_at(s, key), source, None)
            yield f"start {kind} {b} -> {key}", without._replace(running=s.running | {op})

    def take_over(self, s, without, b, other, key):
        """The key is occupied. Wait for the occupant, unless it waits for us in a ring or is parked: then both contents are brought
        back to the cache first, and ours is uploaded over the occupant's object, which becomes dirty again."""
        ring, seen, x = False, {b}, other
        while x is not None and not ring:
            seen.add(x)
            x = self.occupant(s, x, self.target(s, x))
            ring = x in seen
        parked = (other, self.target(s, other)) in s.parked and "parked-holds-nobody" not in self.broken
        if not (ring or parked) or self.busy(s, binding=other):
            return
        for who in (other, b):
            inode, bound, _ = s.bindings[who]
            if s.cached[inode] or "bring-back" in self.broken:
                continue
            if bound is not None and self.at(s, bound) == (inode, s.versions[inode]):
                yield f"restore {inode}", s._replace(cached=put(s.cached, inode, True))
            else:
                yield f"lost {who}", s._replace(parked=s.parked | {(who, self.target(s, who))}, bindings=put(s.bindings, who, (inode, None, 0)))
            return
        op = Op("persist", b, s.bindings[b][0], s.versions[s.bindings[b][0]], key, self.ours_at(s, key), None, None)
        again = set() if parked else {("persist", other)}
        yield f"take {key} over from {other} for {b}", without._replace(
            bindings=put(s.bindings, other, (s.bindings[other][0], None, 0)), running=s.running | {op},
            intents=(without.intents - {("settle", other)}) | again)

    def start_clear(self, s, without, key):
        if self.busy(s, key=key):
            return
        if self.ours_at(s, key) is None or self.occupant(s, None, key) is not None:
            yield f"drop clear {key}", without
            return
        b = dict(s.entries).get(key)
        if b is not None and (("persist", b) in s.intents or ("settle", b) in s.intents or self.busy(s, binding=b)):
            return  # about to be replaced: look again afterwards
        content = self.ours_at(s, key)
        yield f"start clear {key}", without._replace(running=s.running | {Op("clear", None, *content, key, content, None, None)})

    # ---- the store ------------------------------------------------------------------------------------------------------------
    def act(self, s, op):
        """What the store does with the operation's decisive request: (store, accepted)."""
        here = self.at(s, op.key)
        fits = here == op.expected or "conditions" in self.broken
        if op.kind == "settle" and self.at(s, op.source) != (op.inode, op.version):
            fits = False
        if not fits:
            return s.store, False
        return put(s.store, self.names.index(op.key), None if op.kind == "clear" else (op.inode, op.version)), True

    def finish(self, s, op):
        here, entry = self.at(s, op.key), None if op.binding is None else self.target(s, op.binding)
        s = s._replace(running=s.running - {op})
        accepted = op.done or (op.kind != "clear" and here == (op.inode, op.version)) or (op.kind == "clear" and here is None)
        if accepted and op.kind == "clear":
            return "cleared", s._replace(ours=self.set_ours(s.ours, op.key, None))
        if accepted:
            s = s._replace(ours=self.set_ours(s.ours, op.key, (op.inode, op.version)))
            if entry is None:
                return "stored, entry gone", s._replace(intents=s.intents | {("clear", op.key)})
            old = s.bindings[op.binding][1]
            add = set()
            if old not in (None, op.key) and "old-key-cleared" not in self.broken:
                add.add(("clear", old))
            if s.versions[op.inode] > op.version:
                add.add(("persist", op.binding))
            elif entry != op.key:
                add.add(("settle", op.binding))
            return "stored", s._replace(bindings=put(s.bindings, op.binding, (op.inode, op.key, op.version)), intents=s.intents | add)
        if here == "F":  # never learned as ours
            s = s._replace(ours=self.set_ours(s.ours, op.key, None))
            if op.kind == "clear" or entry is None:
                return "foreign, left alone", s
            if entry == op.key:
                return "conflict", s._replace(parked=s.parked | {(op.binding, op.key)})
            return "foreign, but moved on", s._replace(intents=s.intents | {self.again(s, op)})
        s = s._replace(ours=self.set_ours(s.ours, op.key, here))
        if op.kind == "clear":
            return "look again", s._replace(intents=s.intents | {("clear", op.key)})
        if op.kind == "settle" and self.at(s, op.source) != (op.inode, op.version):  # the source was replaced by someone
            s = s._replace(bindings=put(s.bindings, op.binding, (op.inode, None, 0)), ours=self.set_ours(s.ours, op.source, None))
        add = {self.again(s, op)} if entry is not None else {("clear", op.key)}
        return "try again", s._replace(intents=s.intents | add)

    @staticmethod
    def again(s, op):
        return ("persist" if s.bindings[op.binding][1] is None else op.kind, op.binding)

    def give_up(self, s, op):
        """The worker is silent. Fence it (abort its upload), then look at the key; only our own stamps are believed: ours of this version
        means that the operation had succeeded."""
        here = self.at(s, op.key)
        if op.kind != "clear" and here == (op.inode, op.version) and "fence" not in self.broken:
            return self.finish(s, op)[1]._replace(give_ups_left=s.give_ups_left - 1)
        ours = None if here == "F" else here
        zombies = s.zombies | ({op} if op.done is None and "fence" in self.broken else set())
        s = s._replace(running=s.running - {op}, ours=self.set_ours(s.ours, op.key, ours), zombies=zombies, give_ups_left=s.give_ups_left - 1)
        add = set()
        if op.kind != "clear" and self.target(s, op.binding) is not None:
            add.add(self.again(s, op))
        holder = self.occupant(s, None, op.key)
        if ours is not None and "give-up-clears" not in self.broken and (
                holder is None or (s.bindings[holder][0], s.bindings[holder][2]) != ours):
            add.add(("clear", op.key))
        return s._replace(intents=s.intents | add)

    # ---- all steps ------------------------------------------------------------------------------------------------------------
    def steps(self, s):
        """(label, next state, whether the step is the system's own progress)"""
        if s.ops_left:
            for label, n in self.namespace(s):
                yield label, n, False
        if s.foreign_left:
            for key in self.names:
                yield f"FOREIGN PUT {key}", s._replace(store=put(s.store, self.names.index(key), "F"), foreign_left=s.foreign_left - 1), False
        for name, b in s.entries:
            inode, bound, version = s.bindings[b]
            if s.cached[inode] and bound is not None and version == s.versions[inode] and self.ours_at(s, bound) == (inode, version):
                yield f"evict {name}", s._replace(cached=put(s.cached, inode, False)), False
        for intent in s.intents:
            for label, n in self.start(s, intent):
                yield label, n, True
        for op in s.running:
            what = f"{op.kind} {op.inode}.{op.version} {op.key}"
            if op.done is None:
                store, accepted = self.act(s, op)
                yield f"store {what}: {'ok' if accepted else 'refused'}", s._replace(
                    store=store, running=(s.running - {op}) | {op._replace(done=accepted)}), True
            else:
                label, n = self.finish(s, op)
                yield f"finish {what}: {label}", n, True
            if s.give_ups_left:
                yield f"give up {what}", self.give_up(s, op), False
        for op in s.zombies:
            store, accepted = self.act(s, op)
            yield f"ZOMBIE {op.kind} {op.key}: {'ok' if accepted else 'refused'}", s._replace(store=store, zombies=s.zombies - {op}), True

    def outcome(self, s):
        """What namespace and store look like, files numbered in the order of their names."""
        numbers, text = {}, []
        for name, b in s.entries:
            inode = s.bindings[b][0]
            text.append((name, numbers.setdefault(inode, len(numbers)), s.versions[inode]))
        for key in self.names:
            here = self.at(s, key)
            text.append((key, "F") if here == "F" else here and (key, numbers.get(here[0], "?"), here[1]))
        return tuple(text)

    # ---- invariants -----------------------------------------------------------------------------------------------------------
    def broken_step(self, before, after):
        for key, was, now in zip(self.names, before.store, after.store):
            if was == "F" and now != "F":
                return f"foreign object at {key} destroyed"
            if "F" not in (was, now) and was and now and was[0] == now[0] and now[1] < was[1]:
                return f"version at {key} went back"
        if not after.foreign_left and self.foreign_used(after):
            return None  # the foreign writer may have destroyed the only copy of an evicted version: reported, not prevented
        for name, b in after.entries:
            inode = after.bindings[b][0]
            if not after.cached[inode] and (inode, after.versions[inode]) not in after.store:
                return f"content of {name} lost"
        return None

    @staticmethod
    def foreign_used(state):
        return "F" in state.store

    def broken_rest(self, s):
        """Nothing left to do: the store must equal the namespace, but for foreign objects and bindings in conflict."""
        entries = dict(s.entries)
        for key in self.names:
            here, wanted = self.at(s, key), None
            if key in entries:
                inode = s.bindings[entries[key]][0]
                wanted = (inode, s.versions[inode])
            in_conflict = (entries.get(key), key) in s.parked
            kept_aside = here not in (None, "F") and any(s.bindings[b][1] == key and s.bindings[b][0] == here[0] for b, _ in s.parked)
            if here not in (wanted, "F") and not in_conflict and not kept_aside:
                return f"store has {here} at {key}, namespace wants {wanted}"
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ops", type=int, default=4)
    parser.add_argument("--names", default="ab")
    parser.add_argument("--give-ups", type=int, default=1)
    parser.add_argument("--foreign", type=int, default=1)
    parser.add_argument("--break", dest="broken", action="append", default=[], choices=sorted(RULES))
    parser.add_argument("--expect-violation", action="store_true")
    arguments = parser.parse_args()
    model, nothing = Model(arguments), (None,) * len(arguments.names)
    first = State((), (), (), (), nothing, frozenset(), nothing, frozenset(), frozenset(), frozenset(), arguments.ops, arguments.give_ups,
                  arguments.foreign)
    came_from, queue, rests, outcomes = {first: None}, deque([first]), 0, set()

    def fail(reason, state, last=()):
        trace = list(last)
        while came_from[state]:
            label, state = came_from[state]
            trace.append(label)
        print("VIOLATION:", reason)
        print("\n".join("  " + step for step in reversed(trace)))
        sys.exit(0 if arguments.expect_violation else 1)

    while queue:
        state = queue.popleft()
        steps = list(model.steps(state))
        if not (state.intents or state.running or state.zombies):
            rests += 1
            outcomes.add(model.outcome(state))
            if reason := model.broken_rest(state):
                fail(reason, state)
        elif not any(progress for _, _, progress in steps):
            fail("stuck", state)
        for label, after, _ in steps:
            if reason := model.broken_step(state, after):
                fail(reason, state, [label])
            if after not in came_from:
                came_from[after] = (label, state)
                queue.append(after)
    print(f"ok: {len(came_from)} states, {rests} at rest, {len(outcomes)} outcomes")
    sys.exit(1 if arguments.expect_violation else 0)


if __name__ == "__main__":
    main()
