# Prices: 10 Wh cost 1 fen (0.6 electricity, 0.4 service). See mod.rs for the form.

story: a charge till full, the rest goes back
plan: full-500
0s    paid 500                  => starting paid=500 effects=post,start_socket,schedule
2s    accepted                  => starting
5s    started 1                 => charging effects=schedule
1h    metered 1 900             => charging
2h    stopped 1 full 1500       => settled total=150 refund=350 reason=full effects=post,post,refund
2h1s  refunded                  => closed refund=350

story: the rider stops; the device's last reading counts
plan: money-300
0s    paid 300                  => starting
2s    accepted                  => starting
5s    started 1                 => charging
30m   stop rider                => finishing effects=stop_socket,schedule
30m2s stopped 1 unknown 400     => settled total=40 refund=260 reason=rider
30m9s refunded                  => closed

story: the device's own reason outranks our wish
plan: money-300
0s    paid 300                  => starting
5s    started 1                 => charging
30m   stop rider                => finishing
30m2s stopped 1 smoke 400       => settled reason=smoke

story: all money used leaves nothing to refund
plan: money-300
0s    paid 300                  => starting
5s    started 1                 => charging
4h    stopped 1 money_reached 3000  => closed total=300 refund=0

story: more used than paid is the operator's loss
plan: money-300
0s    paid 300                  => starting
5s    started 1                 => charging
4h    stopped 1 money_reached 3100  => closed total=300 refund=0

story: a time package ends by its timer and pays back nothing
plan: time-2h
0s    paid 100                  => starting
0s    started 1                 => charging
1h    metered 1 400             => charging
2h    due charge_deadline       => finishing reason=time_reached
2h1s  stopped 1 unknown 800     => closed total=100 refund=0 reason=time_reached

story: half a time package goes back
plan: time-2h
0s    paid 100                  => starting
0s    started 1                 => charging
1h    stopped 1 unplugged 400   => settled total=50 refund=50 reason=unplugged

story: the socket refuses, all money goes back
plan: full-500
0s    paid 500                  => starting
2s    refused refused           => start_failed refund=500 reason=refused effects=post,refund
3s    refunded                  => start_failed refund=500

story: accepted is not started; unknown waits, then pays back
plan: full-500
0s    paid 500                  => starting
2s    accepted                  => starting
45s   due start_deadline        => start_unknown effects=schedule
1m30s due start_give_up         => start_failed refund=500 reason=no_current
1m31s refunded                  => start_failed

story: a start while we still wait is a charge
plan: full-500
0s    paid 500                  => starting
45s   due start_deadline        => start_unknown
50s   started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 refund=400

story: a start after the money went back is stopped and costs nothing
plan: full-500
0s    paid 500                  => starting
2s    refused refused           => start_failed refund=500
3s    refunded                  => start_failed
9s    started 1                 => start_failed effects=stop_socket,record_free_energy
20s   stopped 1 unknown 3       => start_failed refund=500 total=0

story: the rider gives up while it starts
plan: full-500
0s    paid 500                  => starting
9s    cancel                    => start_failed refund=500 reason=rider
12s   started 1                 => start_failed effects=stop_socket,record_free_energy

story: nobody pays
plan: full-500
10m   due payment_expiry        => cancelled paid=0 reason=expired effects=close_payments

story: a timer before its time does nothing
plan: full-500
1m    due payment_expiry        => awaiting_payment

story: the rider changes their mind
plan: full-500
1m    cancel                    => cancelled paid=0 refund=0 reason=rider
2m    cancel                    => cancelled

story: late money goes back whole
plan: full-500
10m   due payment_expiry        => cancelled
12m   paid 500                  => cancelled paid=500 refund=500 effects=post,post,refund
12m1s refunded                  => cancelled refund=500

story: somebody else paid for the socket first
plan: full-500
1s    paid 500 taken            => cancelled paid=500 refund=500 reason=socket_taken
2s    refunded                  => cancelled

story: the same notify fifteen times is one payment
plan: full-500
0s    paid 500                  => starting paid=500
0s    paid 500                  => starting paid=500 effects=
1s    paid 500                  => starting paid=500 effects=
5s    started 1                 => charging
6s    paid 500                  => charging paid=500 effects=

story: paid twice by two ways, the second goes back
plan: full-500
0s    paid 500                  => starting paid=500
1s    paid 500 again            => starting paid=1000 refund=500 effects=post,post,refund
5s    started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 refund=900
1h1s  refunded                  => closed

story: the same start twice is one charge
plan: full-500
0s    paid 500                  => starting
5s    started 1                 => charging
6s    started 1                 => charging effects=
1h    stopped 1 full 1000       => settled total=100

story: the first stop wins
plan: full-500
0s    paid 500                  => starting
5s    started 1                 => charging
1h    stopped 1 full 1000       => settled total=100 refund=400
1h2s  stopped 1 unknown 1200    => settled total=100 refund=400 effects=
1h3s  refunded                  => closed
1h4s  refunded                  => closed effects=

story: the final reading never comes, the last known one counts
plan: full-500
0s    paid 500                  => starting
5s    started 1                 => charging
20m   metered 1 300             => charging
30m   stop rider                => finishing
31m   lost 1                    => settled total=30 refund=470 reason=rider

story: stopping what has stopped is no error
plan: full-500
0s    paid 500                  => starting
5s    started 1                 => charging
30m   stop rider                => finishing
30m1s stop rider                => finishing effects=
30m2s stopped 1 unknown 100     => settled total=10
30m3s stop rider                => settled effects=

story: no current, no charge
plan: full-500
0s    paid 500                  => starting
5s    started 1                 => charging
6s    stopped 1 unplugged 0     => settled total=0 refund=500
7s    refunded                  => closed
