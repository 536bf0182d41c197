# The PC, and most virtual machines.
TRIPLET = x86_64-linux-gnu
DEBARCH = amd64
CPU =
