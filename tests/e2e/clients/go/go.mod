module sluice.test/client

go 1.19
