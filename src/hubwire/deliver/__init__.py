"""From planned messages to HubSpot: one lane per portal coalesces, batches, sends, judges, and records.

The way of a message through the folders; each uses only those below it:

    lanes/      worker          one thread drives the lanes that it leases (`leases`)
                driver          one turn of a lane: check the lease, look for work, linger, run one cycle
                backlog         what waits, and what a cycle takes: due deliveries, new live messages, imported ones
                lane            a cycle from the outside: select, deliver, commit in one transaction; or stop
                unconfirmed     writes that HubSpot may have received although no answer is recorded
                cycle           a cycle from the inside: gather, then the steps
    steps/      provision       creates properties and event definitions that are missing
                companies, contacts, associations, events    what is sent, and what its outcome means
                objects/, marketing/    the same for other object types; for lists, subscriptions and forms
                record_values, record_calls, labels    the rules that records of all types share
    cycle/      gather          decodes, resolves identities, plans, and calls `coalesce`
                state, outcomes, portal_schema    what the steps share
                off_loop        runs every call of the database away from the event loop
    calls/      batch_sender    sends one batch until each input has a verdict; `bisect` isolates a poison
                caller          one call: a permit, an attempt, a few tries (`retry`)
    verdicts/   judge           an answer in, one verdict per input out; the rules are `call_rules` and `input_rules`
                without_answer  verdicts that follow from no single answer
    limits/     governor        combines the `rate_limiter` and the `daily_budget`
                source_limits   which sources HubSpot keeps refusing, and how much a public one may define

`preview` does the same without the calls: the dry run.
"""
