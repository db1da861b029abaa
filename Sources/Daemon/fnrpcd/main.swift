import Server

Daemon.main()
