"""From planned messages to HubSpot: one lane per portal coalesces, batches, sends, judges, and records.

The way of a message through the modules:

    worker        one thread drives every lane that it has leased (`tenure`, `keeper`; in a fleet its `share` of them)
    driver        a turn of one lane: is the lease ours, does anything wait, linger, run one cycle
    lane          a cycle from the outside: take on, deliver, record in one transaction; or stop the line
      selection   what is taken on: due deliveries, new live messages, imported ones (`doubt`: may HubSpot know them?)
      cycle       a cycle from the inside, on the `task` that its steps share and the `portal` with its schema
        gather      decode, learn who is who, plan, `coalesce`; fates go to the `ledger`
        provision   make properties and event definitions that are missing
        companies, contacts     then associations, events: what is sent, and what its outcome means
      outcome     what is recorded: rows, next tries (`retry`), memory, counts
    sending       one batch until each of its inputs has a verdict; `bisect` finds a poison
    exchange      one call: a permit (`governor`: the rolling `limiter` and the day's `budget`), an attempt, a few tries
    verdict       an answer in, one verdict per input out; the rules are `verdict_table` and `verdict_input_table`

`preview` is the same without the calls: the dry run.
"""
