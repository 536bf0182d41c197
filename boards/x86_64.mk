# The PC, and most virtual machines. CET's marks (some distributions' gcc makes them by default) do nothing here: off.
TRIPLET = x86_64-linux-gnu
DEBARCH = amd64
CPU = -fcf-protection=none
