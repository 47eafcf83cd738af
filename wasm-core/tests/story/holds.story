# Holds: nothing is paid in advance; the bill is taken of what is set aside, the rest is let go.
# Prices: 10 Wh cost 1 fen (0.6 electricity, 0.4 service). See mod.rs for the form.

story: a charge on a hold, the bill is taken and the rest let go
plan: full-500
0s    held 500                  => starting held=500 paid=0 effects=post,start_socket,schedule
2s    accepted                  => starting
5s    started 1                 => charging effects=schedule
1h    metered 1 900             => charging take=0
2h    stopped 1 full 1500       => settled total=150 refund=0 take=150 taken=0 effects=post,capture
2h1s  captured                  => closed taken=150 held=500 paid=0
2h2s  captured                  => closed taken=150 effects=

story: a bill of all that is held takes it all
plan: money-300
0s    held 300                  => starting
5s    started 1                 => charging
4h    stopped 1 money_reached 3000  => settled total=300 take=300
4h1s  captured                  => closed taken=300

story: more used than held is the operator's loss
plan: money-300
0s    held 300                  => starting
5s    started 1                 => charging
4h    stopped 1 money_reached 3100  => settled total=300 take=300

story: half a time package on a hold
plan: time-2h
0s    held 100                  => starting
0s    started 1                 => charging
1h    stopped 1 unplugged 400   => settled total=50 refund=0 take=50
1h1s  captured                  => closed taken=50

story: no current, nothing is taken
plan: full-500
0s    held 500                  => starting
5s    started 1                 => charging
6s    stopped 1 unplugged 0     => settled total=0 take=0 effects=capture
7s    captured                  => closed taken=0 refund=0

story: the socket refuses, all is let go
plan: full-500
0s    held 500                  => starting
2s    refused refused           => start_failed take=0 refund=0 reason=refused effects=capture
3s    captured                  => start_failed taken=0 effects=post

story: no current in time, all is let go
plan: full-500
0s    held 500                  => starting
45s   due start_deadline        => start_unknown effects=schedule
1m30s due start_give_up         => start_failed take=0 reason=no_current effects=capture
1m31s captured                  => start_failed taken=0

story: the rider gives up while it starts on a hold
plan: full-500
0s    held 500                  => starting
9s    cancel                    => start_failed take=0 refund=0 reason=rider effects=capture
12s   started 1                 => start_failed effects=stop_socket,record_free_energy

story: a hold that comes late is let go
plan: full-500
10m   due payment_expiry        => cancelled effects=close_payments
12m   held 500                  => cancelled held=500 refund=0 take=0 effects=post,capture
12m1s captured                  => cancelled taken=0

story: somebody else was first, the hold is let go
plan: full-500
1s    held 500 taken            => cancelled held=500 refund=0 reason=socket_taken effects=post,close_payments,capture
2s    captured                  => cancelled taken=0

story: the same hold told three times is one
plan: full-500
0s    held 500                  => starting held=500
1s    held 500                  => starting held=500 effects=
5s    started 1                 => charging
6s    held 500                  => charging held=500 effects=

story: held twice, the second is let go at once
plan: full-500
0s    held 500                  => starting held=500
1s    held 500 again            => starting held=1000 take=0 effects=post,capture
2s    captured                  => starting taken=0
5s    started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 take=100
1h1s  captured                  => closed taken=100

story: held and then paid too, the payment goes back
plan: full-500
0s    held 500                  => starting held=500 paid=0
1s    paid 500 again            => starting held=500 paid=500 refund=500 effects=post,post,refund
5s    started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 refund=500 take=100
1h1s  captured                  => settled taken=100
1h2s  refunded                  => closed

story: paid and then held too, the hold is let go
plan: full-500
0s    paid 500                  => starting paid=500
1s    held 500 again            => starting held=500 paid=500 refund=0 take=0 effects=post,capture
5s    started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 refund=400 take=0
1h1s  refunded                  => settled
1h2s  captured                  => closed taken=0

story: the first stop wins on a hold
plan: full-500
0s    held 500                  => starting
5s    started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 take=100
1h2s  stopped 1 unknown 1200    => settled total=100 take=100 effects=
1h3s  captured                  => closed

story: the final reading never comes, the last known one is taken
plan: full-500
0s    held 500                  => starting
5s    started 1                 => charging
20m   metered 1 300             => charging
30m   stop rider                => finishing
31m   lost 1                    => settled total=30 take=30 reason=rider
